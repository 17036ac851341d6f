/** The broker's own figures, retained below `$SYS/broker` and published when they change. */

import type { Timer } from './clock';
import type { BrokerCore } from './core';
import { sysMessage } from './message';

/** What `$SYS/broker/version` says. */
const version = 'mqtide broker 1';

/** Publishes the figures at an interval. */
export class SysTopics {
  readonly #core: BrokerCore;
  /** What was published last, by topic. */
  readonly #published = new Map<string, string>();
  #timer: Timer | undefined;

  constructor(core: BrokerCore) {
    this.#core = core;
  }

  /** Publishes all figures now, and those that changed at every interval from now on. */
  start(): void {
    const { sysInterval } = this.#core.settings;
    if (sysInterval <= 0) return;
    this.#publish();
    this.#timer = this.#core.clock.schedule(sysInterval * 1_000, () => {
      this.#core.retained.sweep(this.#core.clock.now());
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #publish(): void {
    const now = this.#core.clock.now();
    for (const [name, value] of figures(this.#core)) {
      const topic = `$SYS/broker/${name}`;
      const text = String(value);
      if (this.#published.get(topic) === text) continue;
      this.#published.set(topic, text);
      this.#core.publish(sysMessage(topic, text, now));
    }
  }
}

/** All figures by name. */
export function figures(core: BrokerCore): Map<string, string | number> {
  const { statistics: s, retained, sessions, subscriptions, clock, clientCount } = core;
  const now = clock.now();
  const result = new Map<string, string | number>([
    ['version', version],
    ['uptime', Math.floor((now - s.startedAt) / 1_000)],
    ['datetime', new Date(now).toISOString()],
    ['clients/connected', clientCount],
    ['clients/disconnected', sessions.size - clientCount],
    ['clients/total', sessions.size],
    ['clients/maximum', s.clientsMaximum],
    ['sockets/total', s.socketsOpened],
    ['subscriptions/count', subscriptions.count],
    ['retained messages/count', retained.ordinarySize],
    ['messages/received', s.packetsReceived],
    ['messages/sent', s.packetsSent],
    ['messages/stored', storedMessages(core)],
    ['publish/messages/received', s.publishReceived],
    ['publish/messages/sent', s.publishSent],
    ['publish/messages/dropped', s.publishDropped],
    ['publish/bytes/received', s.publishBytesReceived],
    ['publish/bytes/sent', s.publishBytesSent],
    ['bytes/received', s.bytesReceived],
    ['bytes/sent', s.bytesSent],
  ]);
  for (const [type, count] of s.receivedByType) result.set(`packets/${type}/received`, count);
  for (const [type, count] of s.sentByType) result.set(`packets/${type}/sent`, count);
  return result;
}

function storedMessages(core: BrokerCore): number {
  let count = core.retained.ordinarySize;
  for (const { outbound } of core.sessions.values()) count += outbound.queued + outbound.inFlight;
  return count;
}
