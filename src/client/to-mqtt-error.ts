import { ConnectionError, MqttError } from '../errors';

/** What the application's own code threw, as an error of ours. @param what begins the message */
export function toMqttError(error: unknown, what = 'The attempt to connect'): MqttError {
  if (error instanceof MqttError) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new ConnectionError('unreachable', `${what} failed: ${words}`, { cause: error });
}
