/**
 * What the compiler has to know. Nothing here runs: `npm run typecheck` is the test.
 *
 * `same<A, B>()` compiles when both are the same type, and each `@ts-expect-error` when the line below it does not.
 */

import {
  type Client,
  type ClientEvents,
  type ConnectionCode,
  ConnectionError,
  type Message,
  type MqttError,
  type ParamsOf,
  type PublishResult,
  RefusedError,
  type Status,
  type Subscription,
  UsageError,
} from '../../../src/index';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function same<A, B>(..._proof: Same<A, B> extends true ? [] : [never]): void {}

declare const client: Client;
declare const filter: string;
declare const filters: string[];

/** Params come from the literal. */
export async function params(): Promise<void> {
  await client.subscribe('sensor/+id/temperature', (message) => {
    same<typeof message, Message<{ id: string }>>();
    same<typeof message.params.id, string>();
    // @ts-expect-error there is no such wildcard
    message.params.other;
  });
  await client.subscribe('+a/x/+b/#rest', { qos: 1 }, ({ params }) => {
    same<typeof params, { a: string; b: string; rest: string }>();
  });
  await client.subscribe('$share/group/+id/#', ({ params }) => {
    same<typeof params, { id: string }>();
  });
  await client.subscribe('plain/+/#', ({ params }) => {
    // biome-ignore lint/complexity/noBannedTypes: it is what params without names are
    same<typeof params, {}>();
    // @ts-expect-error the wildcards have no names
    params.x;
  });
  await client.subscribe(filter, ({ params }) => {
    same<typeof params, { [name: string]: string }>();
  });
  await client.subscribe(`device/${filter}/+id`, ({ params }) => {
    const id: string | undefined = params['id'];
    return id;
  });
}

/** Several filters give the union. */
export async function lists(): Promise<void> {
  await client.subscribe(['a/+x', 'b/+y'], ({ params }) => {
    same<typeof params, { x: string } | { y: string }>();
    const either: string = 'x' in params ? params.x : params.y;
    return either;
  });
  const list = ['a/+x', 'b/#y'] as const;
  const subscription = await client.subscribe(list);
  same<typeof subscription, Subscription<{ x: string } | { y: string }>>();
  for await (const message of subscription) same<typeof message, Message<{ x: string } | { y: string }>>();
  await client.subscribe(filters, ({ params }) => {
    same<typeof params, { [name: string]: string }>();
  });
  same<ParamsOf<'a/+x' | 'b'>, { x: string } | ParamsOf<'b'>>();
}

/** A Subscription knows its messages, and handlers may be written apart. */
export async function subscriptions(): Promise<void> {
  const subscription = await client.subscribe('room/+room/#', { qos: 2, timeout: 1_000 });
  same<typeof subscription, Subscription<{ room: string }>>();
  same<typeof subscription.qos, 0 | 1 | 2>();
  for (const { filter, qos, error } of subscription.grants) {
    same<typeof filter, string>();
    same<typeof qos, 0 | 1 | 2 | undefined>();
    same<typeof error, RefusedError | undefined>();
  }
  const any = (message: Message) => message.text();
  const one = ({ params }: Message<{ room: string }>) => params.room;
  await client.subscribe('room/+room', any);
  await client.subscribe('room/+room', one);
  await client.subscribe(filter, any);
  await client.subscribe('room/+room', async () => {});
  await client.subscribe('room/+room', undefined, one);
  // @ts-expect-error the handler needs a param that the filter does not name
  await client.subscribe('room/+hall', one);
  // @ts-expect-error options come before the handler
  await client.subscribe('a', any, { qos: 1 });
  // @ts-expect-error there is no QoS 3
  await client.subscribe('a', { qos: 3 });
  // @ts-expect-error identifiers are mqtide's own
  await client.subscribe('a', { properties: { subscriptionIdentifier: 1 } });
  // @ts-expect-error a filter is a string
  await client.subscribe(1);
  await using scoped = await client.subscribe('a');
  same<typeof scoped.filter, string>();
}

/** What is published, and what comes of it. */
export async function publishing(signal: AbortSignal): Promise<void> {
  const result = await client.publish('a', 'text', { qos: 1, key: 'k', until: 'stored', signal, timeout: 1 });
  same<typeof result, PublishResult>();
  same<typeof result.reasonCode, number>();
  same<typeof result.resent, boolean | undefined>();
  await client.publish('a', new Uint8Array(1));
  await client.publish('a', new ArrayBuffer(1));
  await client.publish('a', new DataView(new ArrayBuffer(1)));
  await client.publish('a', new Float64Array(1), { properties: { userProperties: [['a', 'b']] } });
  // @ts-expect-error objects have to be made into text
  await client.publish('a', { json: true });
  // @ts-expect-error there is no such option
  await client.publish('a', '', { dup: true });
  // @ts-expect-error a payload is needed
  await client.publish('a');
}

/** Messages as they are used most. */
export function messages(message: Message<{ id: string }>): void {
  same<ReturnType<typeof message.json>, unknown>();
  const { value } = message.json<{ value: number }>();
  same<typeof value, number>();
  same<typeof message.qos, 0 | 1 | 2>();
  new Blob([message.payload]);
  // @ts-expect-error messages are for reading
  message.topic = 'other';
}

/** A status is told apart by its type. */
export function status(current: Status): string {
  switch (current.type) {
    case 'idle':
      // @ts-expect-error nothing was opened
      return current.url;
    case 'connecting':
      same<typeof current.attempt, number>();
      return current.url;
    case 'connected':
      same<typeof current.sessionPresent, boolean>();
      same<typeof current.since, number>();
      return current.url;
    case 'reconnecting':
      same<typeof current.error, MqttError>();
      same<typeof current.nextAttemptAt, number>();
      return `${current.delay}`;
    case 'closed':
      same<typeof current.error, MqttError | undefined>();
      return current.error?.code ?? 'closed';
  }
}

/** Errors are told apart by class and code. */
export function errors(error: unknown): string {
  if (error instanceof ConnectionError) {
    same<typeof error.code, ConnectionCode>();
    if (error.code === 'still-stored') return 'it will be sent';
    // @ts-expect-error there is no such code
    return error.code === 'no-such-code' ? '' : error.message;
  }
  if (error instanceof RefusedError) {
    same<typeof error.reasonCode, number>();
    return error.code === 'not-authorized' || error.code === 'poison' ? 'no' : error.code;
  }
  if (error instanceof UsageError) return error.code === 'needs-mqtt-5' ? 'v5' : error.message;
  return 'not ours';
}

/** Each event has its own listener. */
export function events(): void {
  const off = client.on('status', (event) => same<typeof event, Status>());
  same<typeof off, () => void>();
  client.on('message', (message) => same<typeof message, Message>());
  client.on('error', (error) => same<typeof error, Error>(), { once: true });
  client.on('settled', ({ key, error }) => {
    same<typeof key, string | undefined>();
    same<typeof error, Error | undefined>();
  });
  client.on('packet', ({ direction, packet }) => {
    same<typeof direction, 'in' | 'out'>();
    if (packet.type === 'publish') same<typeof packet.topic, string>();
  });
  client.on('disconnect', ({ willReconnect }) => same<typeof willReconnect, boolean>());
  client.on('message', async () => {}, { signal: new AbortController().signal });
  // @ts-expect-error there is no such event
  client.on('messages', () => {});
  // @ts-expect-error a status is no message
  client.on('status', (message: Message) => message.text());
  same<
    keyof ClientEvents,
    | 'status'
    | 'connect'
    | 'disconnect'
    | 'reconnecting'
    | 'message'
    | 'unclaimed'
    | 'settled'
    | 'error'
    | 'packet'
    | 'close'
  >();
}
