/** A broker on a bench: no sockets, no waiting. */

export { Bench, type ConnectOptions, type PacketOf } from './bench';
export { BenchClient, hex, type PublishExtras, text } from './client';
