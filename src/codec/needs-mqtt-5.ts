import { UsageError } from '../errors';

/** The error for what only MQTT 5.0 can carry. */
export function needsMqtt5(where: string): UsageError {
  return new UsageError(`${where}: needs MQTT 5.0`, 'needs-mqtt-5');
}
