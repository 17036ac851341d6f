/** Entry `mqtide/credentials`: what cloud services want to see at CONNECT, for the option `credentials`. */

export type { Client, ConnectAttempt, Credentials, Subscription, WaitOptions } from '../index';
export { type AliyunDevice, type AliyunEndpoint, aliyunIotUrl } from './aliyun-device';
export { aliyunIot } from './aliyun-iot';
export { AliyunReplyError } from './aliyun-reply-error';
export { type AliyunThing, aliyunThing, type PropertySetHandler } from './aliyun-thing';
export { type ClockReading, ServerClock } from './server-clock';
