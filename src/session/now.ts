/** The time as the session is told it; it has no clock of its own. */
export interface Now {
  /** Milliseconds that only go forward; may stand still while the machine sleeps. Deadlines use it. */
  readonly monotonic: number;
  /** Milliseconds since 1970; may jump. Expiry uses it. */
  readonly wall: number;
}
