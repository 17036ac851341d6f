/** An MQTT 3.1, 3.1.1 and 5.0 broker for tests and the demo; see `cli.ts` to run it alone. */

export type { AuthExchange, AuthStep } from './authentication';
export { Broker, type PublishOptions, startBroker } from './broker';
export { type Clock, FakeClock, systemClock, type Timer } from './clock';
export type { Connection } from './connection';
export type { FaultPlan, Faults } from './faults';
export type { BrokerMessage } from './message';
export type { Authorization, BrokerOptions, TlsOptions, TopicRules, User } from './options';
export type { LogEntry, PacketLog } from './packet-log';
export type { Session } from './session';
