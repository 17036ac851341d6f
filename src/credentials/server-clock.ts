/** The time of a server, told by the clock of this device and how far that one is off. */

/** How far the clock of this device is off, as one exchange with a server showed. */
export interface ClockReading {
  /** Milliseconds to add to the time of this device; the truth is within half of `roundTrip` of it. */
  readonly offset: number;
  /** Milliseconds that request and answer were on their way together. */
  readonly roundTrip: number;
}

/**
 * A clock that can be set: give it to the device, and `synchronizeClock()` corrects it, for the signatures of all later
 * attempts. The clock of the machine is only read.
 */
export class ServerClock {
  /** Milliseconds to add to the time of this device. */
  offset = 0;

  /** The server's time as far as known, in milliseconds since 1970. */
  now(): number {
    return Date.now() + this.offset;
  }
}

/**
 * Compares the clocks as NTP does: what the answer took in each direction is taken to be the same.
 *
 * @param sent this device's time when the request left
 * @param serverReceived the server's time when it arrived
 * @param serverSent the server's time when the answer left
 * @param received this device's time when that arrived
 */
export function readClock(
  sent: number,
  serverReceived: number,
  serverSent: number,
  received: number,
): ClockReading {
  return {
    offset: (serverReceived - sent + (serverSent - received)) / 2,
    roundTrip: received - sent - (serverSent - serverReceived),
  };
}
