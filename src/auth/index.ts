/** Entry `mqtide/auth`: methods of enhanced authentication. */

export type { AuthData, EnhancedAuth } from './enhanced-auth';
export { type ScramOptions, scram } from './scram';
export type { ScramHash } from './scram-keys';
