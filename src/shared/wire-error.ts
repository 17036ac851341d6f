/** Errors on their way from the hub to a tab: what arrives is of the same class, with the same members. */

import {
  ConnectionError,
  type ErrorDetails,
  MalformedPacketError,
  MqttError,
  PeerError,
  ProtocolError,
  RefusedError,
  StoreError,
  UsageError,
} from '../errors';

/** An error as plain data. */
export interface WireError {
  /** Name of its class. */
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly reasonCode: number | undefined;
  readonly cause: WireError | undefined;
}

/** A value whose `error` is a {@link WireError}. */
export type Wired<Value> = Value extends { readonly error?: unknown }
  ? Omit<Value, 'error'> & { readonly error?: WireError | undefined }
  : Value;

/** Causes below causes that are carried along. */
const maximumDepth = 4;

/** What `code` and `name` make again. The constructors' types tell codes apart; on the wire they are strings. */
const makers: Readonly<Record<string, (code: never, message: string, details: ErrorDetails) => MqttError>> = {
  MqttError: (code, message, details) => new MqttError(code, message, details),
  UsageError: (code, message, details) => new UsageError(message, code, details),
  ConnectionError: (code, message, details) => new ConnectionError(code, message, details),
  StoreError: (code, message, details) => new StoreError(code, message, details),
  PeerError: (code, message, details) => new PeerError(code, message, details),
  MalformedPacketError: (_code, message, details) => new MalformedPacketError(message, details),
  ProtocolError: (code, message, { reasonCode, cause }) =>
    new ProtocolError(message, code, reasonCode, cause),
  RefusedError: (code, message, { reasonCode = 0x80, cause }) =>
    new RefusedError(reasonCode, message, { code: code === 'poison' ? code : undefined, cause }),
};

/** An error as plain data. What is no Error, as a handler may throw it, is not looked into. */
export function toWireError(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) {
    const message = typeof error === 'string' ? error : `A value of type ${typeof error} was thrown`;
    return { name: 'Error', message, code: undefined, reasonCode: undefined, cause: undefined };
  }
  const isOurs = error instanceof MqttError;
  return {
    name: error.name,
    message: error.message,
    code: isOurs ? error.code : undefined,
    reasonCode: isOurs ? error.reasonCode : undefined,
    cause:
      error.cause === undefined || depth >= maximumDepth ? undefined : toWireError(error.cause, depth + 1),
  };
}

/** The error again. */
export function fromWireError({ name, message, code, reasonCode, cause }: WireError): Error {
  const details = { reasonCode, cause: cause && fromWireError(cause) };
  const make = Object.hasOwn(makers, name) && code !== undefined ? makers[name] : undefined;
  if (make) {
    const error = make(code as never, message, details);
    // Some constructors add to it what it has already.
    error.message = message;
    return error;
  }
  const error = new Error(message, details.cause && { cause: details.cause });
  if (name !== 'Error') Object.defineProperty(error, 'name', { value: name, configurable: true });
  return error;
}

/** A value whose `error` can travel. */
export function toWired<Value extends object>(value: Value): Wired<Value> {
  const { error } = value as { error?: unknown };
  return (error === undefined ? value : { ...value, error: toWireError(error) }) as Wired<Value>;
}

/** The value again. */
export function fromWired<Value extends object>(value: Wired<Value>): Value {
  const { error } = value as { error?: WireError };
  return (error === undefined ? value : { ...value, error: fromWireError(error) }) as Value;
}
