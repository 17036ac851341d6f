import { describe, expect, test } from 'vitest';
import { KeepAlive } from '../../../src/session/keep-alive';

/** A clock whose two hands may part. */
class Clock {
  /** Of a page that has been open for longer than the sleeps here. */
  monotonic = 50_000_000;
  wall = 1_700_000_000_000;

  pass(milliseconds: number, wall = milliseconds): this {
    this.monotonic += milliseconds;
    this.wall += wall;
    return this;
  }

  get now() {
    return { monotonic: this.monotonic, wall: this.wall };
  }
}

function started(seconds: number, connectTime = 20, silences = 0): { clock: Clock; keepAlive: KeepAlive } {
  const clock = new Clock();
  return { clock, keepAlive: new KeepAlive(seconds, clock.now, connectTime, silences) };
}

describe('keep alive after links that died without an answer', () => {
  test.each([
    [5, 0, 2_500],
    [5, 1, 10_000],
    [5, 2, 40_000],
    [60, 1, 120_000],
    [60, 9, 300_000],
  ])(
    'of %i seconds after %i of them waits for %i milliseconds, and pings meanwhile',
    (seconds, silences, wait) => {
      const { clock, keepAlive } = started(seconds, 20, silences);
      expect(keepAlive.look(clock.pass(seconds * 400).now)).toBe('ping');
      const asked = clock.monotonic;
      let sent = asked;
      keepAlive.sent(clock.now);
      for (;;) {
        const action = keepAlive.look(clock.pass(keepAlive.deadline(clock.now) - clock.monotonic).now);
        if (action === 'dead') break;
        expect(action).toBe('ping');
        // Within one and a half intervals the server takes us for dead.
        expect(clock.monotonic - sent).toBeLessThan(seconds * 1_000);
        sent = clock.monotonic;
        keepAlive.sent(clock.now);
      }
      expect(clock.monotonic - asked).toBe(wait);
      expect(keepAlive.silences).toBe(silences);
    },
  );

  test('waits as long as usual once it was answered as soon as usual', () => {
    const { clock, keepAlive } = started(5, 20, 2);
    expect(keepAlive.look(clock.pass(2_000).now)).toBe('ping');
    keepAlive.sent(clock.now);
    keepAlive.received(clock.pass(2_500).now);
    expect(keepAlive.silences).toBe(-1);
    expect(keepAlive.look(clock.pass(2_000).now)).toBe('ping');
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(2_500).now)).toBe('dead');
  });

  test('waits as long as usual once something came after the first while, with no answer due', () => {
    const { clock, keepAlive } = started(60, 20, 2);
    keepAlive.sent(clock.now);
    keepAlive.received(clock.pass(20_000).now);
    expect(keepAlive.silences).toBe(2);
    keepAlive.sent(clock.now);
    keepAlive.received(clock.pass(10_001).now);
    expect(keepAlive.silences).toBe(-1);
  });

  test('goes on waiting so long behind the next large message, though answers follow the one that is there', () => {
    const { clock, keepAlive } = started(5, 20, 1);
    expect(keepAlive.look(clock.pass(2_000).now)).toBe('ping');
    keepAlive.sent(clock.now);
    keepAlive.received(clock.pass(2_501).now);
    // PINGRESP has a frame of its own.
    keepAlive.received(clock.pass(2_500).now);
    expect(keepAlive.silences).toBe(1);
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(2_000).now)).toBe('ping');
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(9_999).now)).toBe('ping');
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(1).now)).toBe('dead');
  });

  test('takes an answer in the first while for one from before a large message', () => {
    const { clock, keepAlive } = started(60, 20, 1);
    expect(keepAlive.look(clock.pass(6_000).now)).toBe('ping');
    keepAlive.sent(clock.now);
    keepAlive.received(clock.pass(50).now);
    expect(keepAlive.silences).toBe(1);
  });

  test('of a network that forgets idle connections waits as long as usual, each time', () => {
    let silences = 0;
    for (let count = 0; count < 6; count += 1) {
      const { clock, keepAlive } = started(60, 20, silences);
      let livedAt = clock.monotonic;
      for (;;) {
        const action = keepAlive.look(
          clock.pass(Math.max(0, keepAlive.deadline(clock.now) - clock.monotonic)).now,
        );
        if (action === 'dead') break;
        if (action !== 'ping') continue;
        keepAlive.sent(clock.now);
        // What is sent after 20 seconds without any goes nowhere.
        if (clock.monotonic - livedAt > 20_000) continue;
        keepAlive.received(clock.pass(50).now);
        livedAt = clock.monotonic;
      }
      expect(clock.monotonic - livedAt).toBeLessThanOrEqual(54_000);
      silences = keepAlive.silences + 1;
    }
  });
});

describe('keep alive while a large message leaves', () => {
  test('waits half a minute for what is not seen of it, however short it is', () => {
    const { clock, keepAlive } = started(5);
    expect(keepAlive.look(clock.pass(2_000).now)).toBe('ping');
    for (let count = 0; count < 3; count += 1) {
      expect(keepAlive.look(clock.pass(2_500).now, true)).toBe('wait');
      expect(keepAlive.deadline(clock.now)).toBe(clock.monotonic + 30_000);
    }
    expect(keepAlive.look(clock.pass(29_999).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1).now)).toBe('dead');
  });

  test('still pings, and is as short as ever after the answer', () => {
    const { clock, keepAlive } = started(5);
    expect(keepAlive.look(clock.pass(1_999).now, true)).toBe('wait');
    expect(keepAlive.look(clock.pass(1).now, true)).toBe('ping');
    expect(keepAlive.look(clock.pass(29_999).now)).toBe('wait');
    keepAlive.received(clock.now);
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(2_000).now)).toBe('ping');
    expect(keepAlive.look(clock.pass(2_500).now)).toBe('dead');
  });
});

describe('keep alive', () => {
  test('pings after two fifths of the interval without sending, and not before', () => {
    const { clock, keepAlive } = started(60);
    expect(keepAlive.deadline(clock.now)).toBe(clock.monotonic + 24_000);
    expect(keepAlive.look(clock.pass(23_999).now)).toBe('wait');
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(23_999).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1).now)).toBe('ping');
  });

  test('holds a peer for dead that does not answer in time', () => {
    const { clock, keepAlive } = started(60);
    expect(keepAlive.look(clock.pass(30_000).now)).toBe('ping');
    keepAlive.sent(clock.now);
    expect(keepAlive.deadline(clock.now)).toBe(clock.monotonic + 30_000);
    expect(keepAlive.look(clock.pass(29_999).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1).now)).toBe('dead');
  });

  test('takes anything that is received for a sign of life', () => {
    const { clock, keepAlive } = started(60);
    keepAlive.look(clock.pass(30_000).now);
    keepAlive.sent(clock.now);
    keepAlive.received(clock.pass(29_000).now);
    expect(keepAlive.look(clock.pass(1_000).now)).toBe('ping');
    keepAlive.received(clock.now);
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(23_000).now)).toBe('wait');
  });

  test('pings a server that is only listened to, so that its death is noticed', () => {
    const { clock, keepAlive } = started(60);
    for (let seconds = 0; seconds < 59; seconds += 1) {
      keepAlive.sent(clock.pass(1_000).now);
      expect(keepAlive.look(clock.now)).toBe('wait');
    }
    keepAlive.sent(clock.pass(1_000).now);
    expect(keepAlive.look(clock.now)).toBe('ping');
    for (let seconds = 0; seconds < 29; seconds += 1) {
      keepAlive.sent(clock.pass(1_000).now);
      expect(keepAlive.look(clock.now)).toBe('wait');
    }
    expect(keepAlive.look(clock.pass(1_000).now)).toBe('dead');
  });

  test('of 0 never pings and never ends', () => {
    const { clock, keepAlive } = started(0);
    expect(keepAlive.deadline(clock.now)).toBe(Number.POSITIVE_INFINITY);
    expect(keepAlive.look(clock.pass(1e9).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1_000, 1e9).now)).toBe('wait');
  });

  test('of 0 still waits for the answer to a probe', () => {
    const { clock, keepAlive } = started(0);
    keepAlive.probe(clock.now);
    expect(keepAlive.deadline(clock.now)).toBe(clock.monotonic + 1_500);
    expect(keepAlive.look(clock.pass(1_500).now)).toBe('dead');
  });

  test('of a second works', () => {
    const { clock, keepAlive } = started(1);
    expect(keepAlive.look(clock.pass(500).now)).toBe('ping');
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(1_000).now)).toBe('dead');
  });

  test('of the longest interval waits half a minute for an answer', () => {
    const { clock, keepAlive } = started(65_535);
    expect(keepAlive.look(clock.pass(26_214_000).now)).toBe('ping');
    expect(keepAlive.deadline(clock.now)).toBe(clock.monotonic + 30_000);
  });
});

describe('a look that comes late', () => {
  test('does not hold the peer for dead: its answer may wait to be read', () => {
    const { clock, keepAlive } = started(60);
    keepAlive.look(clock.pass(30_000).now);
    keepAlive.sent(clock.now);
    expect(keepAlive.look(clock.pass(30_000 + 60_000).now)).toBe('ping');
    keepAlive.sent(clock.now);
    keepAlive.received(clock.pass(1).now);
    expect(keepAlive.look(clock.pass(1).now)).toBe('wait');
  });

  test('does not hold the peer for dead after half a second that the process was busy for', () => {
    const { clock, keepAlive } = started(10);
    expect(keepAlive.look(clock.pass(4_000).now)).toBe('ping');
    expect(keepAlive.look(clock.pass(5_500).now)).toBe('ping');
  });

  test('does not hold the peer for dead however late looks were before', () => {
    const { clock, keepAlive } = started(60);
    for (let times = 0; times < 5; times += 1) {
      expect(keepAlive.look(clock.pass(24_000 + 60_000).now)).toBe('ping');
      keepAlive.sent(clock.now);
      expect(keepAlive.look(clock.pass(30_000 + 60_000).now)).toBe('ping');
      keepAlive.sent(clock.now);
      keepAlive.received(clock.now);
    }
  });

  test('asks again, and after that a look in time ends it', () => {
    const { clock, keepAlive } = started(60);
    keepAlive.look(clock.pass(30_000).now);
    keepAlive.look(clock.pass(30_000 + 60_000).now);
    expect(keepAlive.look(clock.pass(29_999).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1).now)).toBe('dead');
  });

  test('is no excuse for ever: where all looks are late a dead peer is noticed, too', () => {
    const { clock, keepAlive } = started(60);
    expect(keepAlive.look(clock.pass(60_000).now)).toBe('ping');
    expect(keepAlive.look(clock.pass(60_000).now)).toBe('ping');
    expect(keepAlive.look(clock.pass(60_000).now)).toBe('dead');
  });

  test('does not make pings go out in a row, however late it was', () => {
    const { clock, keepAlive } = started(60);
    keepAlive.look(clock.pass(24_000 + 90_000).now);
    const start = clock.monotonic;
    for (let looks = 0; looks < 5; looks += 1) {
      keepAlive.sent(clock.now);
      keepAlive.received(clock.now);
      expect(keepAlive.look(clock.pass(keepAlive.deadline(clock.now) - clock.monotonic).now)).toBe('ping');
    }
    expect(clock.monotonic - start).toBeGreaterThan(75_000);
  });

  test('makes the next ping go out sooner, and is forgotten when looks come in time', () => {
    const { clock, keepAlive } = started(60);
    keepAlive.look(clock.pass(24_000 + 50_000).now);
    const waits: number[] = [];
    for (let looks = 0; looks < 3; looks += 1) {
      keepAlive.sent(clock.now);
      keepAlive.received(clock.now);
      const wait = keepAlive.deadline(clock.now) - clock.monotonic;
      waits.push(wait);
      expect(keepAlive.look(clock.pass(wait).now)).toBe('ping');
    }
    // Not at once: a tab may be hidden again.
    expect(waits).toEqual([10_000, 22_500, 24_000]);
  });
});

describe('a probe', () => {
  test.each([
    [20, 1_500],
    [600, 2_400],
    [10_000, 5_000],
  ])('of a server that took %i ms to answer CONNECT waits %i ms', (connectTime, expected) => {
    const { clock, keepAlive } = started(60, connectTime);
    expect(keepAlive.probe(clock.now)).toBe(true);
    expect(keepAlive.deadline(clock.now)).toBe(clock.monotonic + expected);
    expect(keepAlive.look(clock.pass(expected).now)).toBe('dead');
  });

  test('needs no second ping while the answer to one is due as soon, and does not put it off', () => {
    const { clock, keepAlive } = started(60);
    expect(keepAlive.probe(clock.now)).toBe(true);
    const due = keepAlive.deadline(clock.now);
    expect(keepAlive.probe(clock.pass(1_000).now)).toBe(false);
    expect(keepAlive.deadline(clock.now)).toBe(due);
  });

  test('does not wait as long as an ordinary ping that is out already', () => {
    const { clock, keepAlive } = started(60);
    expect(keepAlive.look(clock.pass(24_000).now)).toBe('ping');
    expect(keepAlive.probe(clock.pass(1_000).now)).toBe(true);
    expect(keepAlive.deadline(clock.now)).toBe(clock.monotonic + 1_500);
  });

  test('that is looked at late waits once more, as short', () => {
    const { clock, keepAlive } = started(60);
    keepAlive.probe(clock.now);
    expect(keepAlive.look(clock.pass(1_500 + 1_001).now)).toBe('ping');
    expect(keepAlive.look(clock.pass(1_499).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1).now)).toBe('dead');
  });
});

describe('a sleep', () => {
  test('is told, also while an answer is waited for, whose time starts anew', () => {
    const { clock, keepAlive } = started(600);
    keepAlive.look(clock.pass(1_000).now);
    // The monotonic clock stood still for an hour.
    expect(keepAlive.look(clock.pass(1_000, 3_600_000).now)).toBe('slept');
    expect(keepAlive.look(clock.now)).toBe('wait');
    expect(keepAlive.look(clock.pass(238_000).now)).toBe('ping');
    expect(keepAlive.look(clock.pass(29_999, 3_600_000).now)).toBe('slept');
    expect(keepAlive.probe(clock.now)).toBe(true);
    expect(keepAlive.look(clock.pass(1_499).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1).now)).toBe('dead');
  });

  test('is looked for whenever something is sent', () => {
    const { clock, keepAlive } = started(60);
    expect(keepAlive.deadline(clock.pass(1_000, 3_600_000).now)).toBe(clock.monotonic);
  });

  test('is what a look is taken for that is later than browsers let timers be', () => {
    const { clock, keepAlive } = started(60);
    // Some monotonic clocks go on during a sleep, and all do while a page is frozen.
    expect(keepAlive.look(clock.pass(24_000 + 90_001).now)).toBe('slept');
    keepAlive.probe(clock.now);
    expect(keepAlive.look(clock.pass(1_500 + 90_001).now)).toBe('slept');
  });

  test('is not what a small correction of the wall clock is taken for', () => {
    const { clock, keepAlive } = started(600);
    expect(keepAlive.look(clock.pass(1_000, 5_000).now)).toBe('wait');
    expect(keepAlive.look(clock.pass(1_000, -3_600_000).now)).toBe('wait');
  });
});

/** Timers of a hidden tab fire once a minute, on the minute. */
function gaps(seconds: number, phase: number, minutes: number, packets: readonly number[]): number[] {
  const { clock, keepAlive } = started(seconds);
  const start = clock.monotonic;
  const minute = 60_000;
  const sends = [start];
  const send = () => {
    keepAlive.sent(clock.now);
    sends.push(clock.monotonic);
  };
  const waiting = packets.map((at) => start + phase + at);
  while (clock.monotonic < start + minutes * minute) {
    const due = Math.max(keepAlive.deadline(clock.now), clock.monotonic + 1) - start;
    const tick = start + Math.ceil(due / minute) * minute;
    const packet = waiting[0];
    if (packet !== undefined && packet <= tick) {
      waiting.shift();
      clock.pass(packet - clock.monotonic);
      send();
      keepAlive.received(clock.pass(1).now);
      continue;
    }
    clock.pass(tick - clock.monotonic);
    const action = keepAlive.look(clock.now);
    if (action === 'dead') throw new Error('a live peer is held for dead');
    if (action !== 'ping') continue;
    send();
    keepAlive.received(clock.pass(40).now);
  }
  return sends.slice(1).map((at, index) => at - (sends[index] ?? 0));
}

describe.each([60, 300])('with timers once a minute, keep alive %i s', (seconds) => {
  const phases = Array.from({ length: 60 }, (_, second) => second * 1_000);

  test('never exceeds one and a half intervals, wherever in the minute the last packet was', () => {
    for (const phase of phases) {
      expect(Math.max(...gaps(seconds, phase, 30, [0]))).toBeLessThan(seconds * 1_500 - 5_000);
    }
  });

  test('never exceeds one and a half intervals while packets come and go', () => {
    for (const phase of phases) {
      for (let every = 7_000; every < 200_000; every += 7_000) {
        const packets = Array.from({ length: 20 }, (_, index) => index * every);
        expect(Math.max(...gaps(seconds, phase, 60, packets))).toBeLessThan(seconds * 1_500);
      }
    }
  });

  test('stays within the interval once it has learned how late timers are', () => {
    for (const phase of phases) {
      expect(Math.max(...gaps(seconds, phase, 30, [0]).slice(2))).toBeLessThanOrEqual(seconds * 1_000);
    }
  });
});
