/** What a scenario is told about where it runs, and how it asks the test for what a page cannot do. */

/** Where a scenario runs; plain data, so that it reaches a worker. */
export interface Here {
  /** The broker, by WebSocket. */
  readonly brokerUrl: string;
  /** The same behind a proxy that makes faults. */
  readonly proxyUrl: string;
  /** A broker that selects no subprotocol. */
  readonly bareUrl: string;
  /** A port that nobody listens on. */
  readonly deadUrl: string;
  /** Where the test takes orders. */
  readonly controlUrl: string;
  /** Unlike that of any other run: for topics, client identifiers and databases. */
  readonly name: string;
}

/** What the test does for a scenario, each with one argument. */
export const orders = [
  /** Resets the connections through the proxy and refuses new ones. */
  'cut',
  /** Ends that. */
  'heal',
  /** Drops the connection of the client with this identifier. */
  'kill',
  /** Sends a text frame to the client with this identifier. */
  'text',
  /** Publishes to this topic, QoS 2. */
  'publish',
  /** Types of the packets that came from the client with this identifier, in order. */
  'packets',
] as const;

export type OrderName = (typeof orders)[number];

/** Has the test do something, and returns its answer. */
export async function order({ controlUrl }: Here, name: OrderName, argument = ''): Promise<unknown> {
  // Plain text needs no preflight.
  const response = await fetch(`${controlUrl}/${name}`, { method: 'POST', body: argument });
  const answer = (await response.json()) as { value?: unknown; error?: string };
  if (answer.error !== undefined) throw new Error(`${name} ${argument}: ${answer.error}`);
  return answer.value;
}
