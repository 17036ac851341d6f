/** Errors on their way from the hub to a tab: what arrives is of the same class, with the same members. */

import {
  ConnectionError,
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

/** Classes by name. */
const classes: Readonly<Record<string, { readonly prototype: MqttError }>> = {
  MqttError,
  UsageError,
  ConnectionError,
  StoreError,
  PeerError,
  MalformedPacketError,
  ProtocolError,
  RefusedError,
};

/** An error as plain data. What is no Error, as a handler may throw it, is not looked into. */
export function toWireError(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) {
    const message = typeof error === 'string' ? error : `a value of type ${typeof error}`;
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
  const error = new Error(message, cause && { cause: fromWireError(cause) });
  const ours = Object.hasOwn(classes, name) && code !== undefined ? classes[name] : undefined;
  // No constructor: some add to the message what is in it already.
  if (ours) return Object.assign(Object.setPrototypeOf(error, ours.prototype), { name, code, reasonCode });
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
