/** Types of the package from its sources: what runs the build can be checked before there is one. */

declare module 'mqtide' {
  export const connect: typeof import('../src/index').connect;
  export const createClient: typeof import('../src/index').createClient;
  export const memoryStore: typeof import('../src/index').memoryStore;
  export const UsageError: typeof import('../src/index').UsageError;

  export type Client = import('../src/index').Client;
  export type ClientOptions = import('../src/index').ClientOptions;
  export type ConnectResult = import('../src/index').ConnectResult;
  export type Message = import('../src/index').Message;
  export type Packet = import('../src/index').Packet;
  export type PublishProperties = import('../src/index').PublishProperties;
  export type PublishResult = import('../src/index').PublishResult;
  export type QoS = import('../src/index').QoS;
  export type Status = import('../src/index').Status;
  export type Subscription = import('../src/index').Subscription;
}

declare module 'mqtide/auth' {
  export const scram: typeof import('../src/auth/index').scram;
}

declare module 'mqtide/indexeddb' {
  export const indexedDbStore: typeof import('../src/store/indexeddb').indexedDbStore;
}

declare module 'mqtide/shared' {
  export const connectShared: typeof import('../src/shared/index').connectShared;
}

declare module 'mqtide/clock' {
  export const workerClock: typeof import('../src/clock/index').workerClock;
}
