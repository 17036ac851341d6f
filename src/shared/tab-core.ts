/** What the parts of one tab's client share. */

import type { ClientOptions, WaitOptions } from '../index';
import type { Activity } from './activity';
import type { Events } from './events';
import type { Requests } from './requests';
import type { ToHub } from './wire';

/** See above. */
export interface TabCore {
  readonly options: ClientOptions;
  readonly events: Events;
  readonly requests: Requests;
  readonly activity: Activity;
  /** Says it to the hub. @returns false while there is none */
  post(item: ToHub): boolean;
  protocolVersion(): 3 | 4 | 5 | undefined;
  /**
   * @returns a promise only while `connect` waits for `close`; `opened` waits for it
   * @throws ConnectionError when this tab does not share the connection, or not for long
   */
  checkOpen(): Promise<void> | undefined;
  /** @throws ConnectionError when this tab does not share the connection then; the signal's reason */
  opened(opening: Promise<void>, limits: WaitOptions): Promise<void>;
}
