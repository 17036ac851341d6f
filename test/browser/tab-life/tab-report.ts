/** What a tab tells of itself; plain data, for any driver. */
export interface TabReport {
  /** Wall time of the page's start: another page has another. */
  readonly born: number;
  hidden: boolean;
  status: string;
  /** Numbers whose promise was resolved: of QoS 1 and of QoS 2. */
  readonly accepted: [number[], number[]];
  /** Numbers that came: of QoS 1 and of QoS 2. */
  readonly received: [number[], number[]];
  /** Publishes that were rejected. */
  readonly rejected: string[];
  /** Delays that the client announced before attempts, in milliseconds. */
  readonly delays: number[];
  /** Codes of the errors that ended connections. */
  readonly ends: string[];
  /** Signs of life, and connections, with their wall time. */
  /** How often a timer of one second has fired. */
  ticks: number;
  readonly signs: [name: string, time: number][];
}
