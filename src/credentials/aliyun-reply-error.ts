/** The error for a request that Alibaba Cloud answered with a refusal. */

import { PeerError } from '../errors';

/** The service refused what the device reported; `replyCode` is its own code, such as 460 for wrong parameters. */
export class AliyunReplyError extends PeerError {
  override readonly name = 'AliyunReplyError';
  declare readonly code: 'aliyun-refused';
  /** Code of the answer; 200 is success. */
  readonly replyCode: number;

  constructor(replyCode: number, words: string) {
    super('aliyun-refused', `The service refused the properties (${replyCode})${words && `: ${words}`}`);
    this.replyCode = replyCode;
  }
}
