/** Entry `mqtide/auth`: methods of enhanced authentication. */

export type { EnhancedAuth } from '../index';
export { type ScramOptions, scram } from './scram';
export type { ScramHash } from './scram-keys';
