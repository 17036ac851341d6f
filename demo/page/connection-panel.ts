/** The connection: its state, what the server allows, what happened, and the button that cuts it. */

import { type ConnectResult, type Status, UsageError } from 'mqtide';
import { command, type PageClient } from './client';
import { byId, element, prependBounded, setFacts, setText } from './dom';
import { clock, describeError, duration, plain, words } from './format';
import { onTick } from './ticker';

/** Events that are kept. */
const maxEvents = 60;

/** How an event is marked. */
type Mood = 'good' | 'bad' | 'neutral';

/** Wires the connection panel. */
export function startConnectionPanel({ client, link, choice, mistake }: PageClient): void {
  const panel = byId('state', HTMLElement);
  const text = byId('state-text', HTMLElement);
  const note = byId('state-note', HTMLElement);
  const progress = byId('state-progress', HTMLElement);
  const topPill = byId('top-state', HTMLElement);
  const topText = byId('top-state-text', HTMLElement);
  const facts = byId('connection-facts', HTMLDListElement);
  const limits = byId('server-limits', HTMLDListElement);
  const stats = byId('stats', HTMLDListElement);
  const toggle = byId('connect-toggle', HTMLButtonElement);
  const events = byId('events', HTMLElement);

  const report = (words: string, mood: Mood = 'neutral') => {
    const time = new Date();
    const item = element(
      'div',
      { class: 'event', attributes: { 'data-mood': mood } },
      element('time', { attributes: { datetime: time.toISOString() } }, clock(time)),
      element('span', {}, words),
    );
    prependBounded(events, [item], maxEvents);
  };

  const showStatus = (status: Status) => {
    panel.dataset['state'] = status.type;
    topPill.dataset['state'] = status.type;
    setText(text, title(status));
    setText(topText, title(status));
    setText(toggle, status.type === 'closed' || status.type === 'idle' ? 'Connect' : 'Disconnect');
    showClock(Date.now());
  };

  /** What moves with the clock. */
  const showClock = (now: number) => {
    const { status } = client;
    setText(note, explain(status, now, choice.session === 'kept'));
    const waiting = status.type === 'reconnecting';
    progress.hidden = !waiting;
    if (waiting) fill(progress, 1 - Math.max(0, status.nextAttemptAt - now) / Math.max(1, status.delay));
    setFacts(facts, [
      ['Protocol', client.protocolVersion === undefined ? '-' : protocolNames[client.protocolVersion]],
      ['Session', status.type === 'connected' ? (status.sessionPresent ? 'resumed' : 'new') : '-'],
      ['Client', client.clientId],
    ]);
    setFacts(limits, rows(client.server));
    setFacts(stats, rows(client.stats));
  };

  client.on('status', showStatus);
  client.on('connect', (result: ConnectResult) => {
    const lost = result.sessionLost ? ', the earlier session was lost' : '';
    report(`Connected, session ${result.sessionPresent ? 'resumed' : 'new'}${lost}`, 'good');
  });
  /** Why the connection ended; the first `reconnecting` after it tells the same. */
  let lost: Error | undefined;
  client.on('disconnect', ({ error, willReconnect }) => {
    lost = error;
    report(
      `Disconnected${error === undefined ? '' : `: ${error.message}`}`,
      willReconnect || error ? 'bad' : 'neutral',
    );
  });
  client.on('reconnecting', ({ error }) => {
    if (error !== lost) report(`Attempt failed: ${error.message}`, 'bad');
    lost = undefined;
  });
  client.on('error', (error) => {
    // Of a publish, and told where that was made.
    if (!(error instanceof UsageError)) report(describeError(error), 'bad');
  });
  client.on('settled', ({ key, error }) => {
    const words = error === undefined ? 'has arrived' : `failed: ${error.message}`;
    const name = key === undefined ? '' : ` (${key})`;
    report(`A message of an earlier page ${words}${name}`, error === undefined ? 'good' : 'bad');
  });
  client.on('unclaimed', ({ topic }) => report(`A message to ${topic} came that nothing here subscribes to`));
  onTick(showClock);
  showStatus(client.status);
  if (mistake !== undefined) report(`Not as you chose: ${describeError(mistake)}`, 'bad');

  toggle.addEventListener('click', () => {
    const idle = client.status.type === 'closed' || client.status.type === 'idle';
    const done = idle ? client.connect() : client.close();
    done.catch((error: unknown) => report(describeError(error), 'bad'));
  });

  startCut(link, report);
}

const protocolNames = { 3: 'MQTT 3.1', 4: 'MQTT 3.1.1', 5: 'MQTT 5.0' } as const;

function title(status: Status): string {
  switch (status.type) {
    case 'idle':
      return 'Idle';
    case 'connecting':
      return 'Connecting';
    case 'connected':
      return 'Connected';
    case 'reconnecting':
      return 'Reconnecting';
    case 'closed':
      return 'Closed';
  }
}

function explain(status: Status, now: number, isKept: boolean): string {
  switch (status.type) {
    case 'idle':
      return 'Nothing was opened yet.';
    case 'connecting':
      return `Attempt ${status.attempt}, to ${place(status.url)}`;
    case 'connected':
      return `To ${place(status.url)}`;
    case 'reconnecting': {
      const seconds = Math.max(0, status.nextAttemptAt - now) / 1_000;
      return `Attempt ${status.attempt} in ${seconds.toFixed(1)} s. ${status.error.message}`;
    }
    case 'closed':
      if (status.error !== undefined) return describeError(status.error);
      return `Closed by you. ${isKept ? 'The server keeps the session.' : 'The session has ended.'}`;
  }
}

/** A URL without its query, which is long and says nothing. */
function place(url: string | URL): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** The members of an object with limits or counters, one a row. */
function rows(values: object | undefined): [string, string][] {
  return Object.entries(values ?? {}).flatMap(([name, value]: [string, unknown]) =>
    value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [[words(name), plain(value)]],
  );
}

function fill(progress: HTMLElement, part: number): void {
  progress.style.setProperty('--part', String(Math.min(1, Math.max(0, part))));
}

/** Wires the form that cuts the link. */
function startCut(link: string, report: (words: string, mood?: Mood) => void): void {
  const form = byId('cut-form', HTMLFormElement);
  const seconds = byId('cut-seconds', HTMLInputElement);
  const output = byId('cut-output', HTMLOutputElement);
  const mode = byId('cut-mode', HTMLSelectElement);
  const mend = byId('mend-button', HTMLButtonElement);
  const countdown = byId('cut-countdown', HTMLElement);
  const progress = byId('cut-progress', HTMLElement);
  /** The cut that is going on: when it began and ends, wall clock in ms. */
  let cut: { readonly from: number; readonly until: number } | undefined;

  const show = (now: number) => {
    const left = cut === undefined ? 0 : cut.until - now;
    if (cut !== undefined && left <= 0) {
      report('The link is whole again');
      cut = undefined;
    }
    mend.hidden = cut === undefined;
    progress.hidden = cut === undefined;
    setText(countdown, cut === undefined ? '' : `Cut for another ${duration(Math.ceil(left / 1_000))}`);
    if (cut !== undefined) fill(progress, left / (cut.until - cut.from));
  };

  seconds.addEventListener('input', () => setText(output, seconds.value));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const length = seconds.valueAsNumber;
    command('/cut', { link, seconds: String(length), mode: mode.value }).then(
      () => {
        const now = Date.now();
        cut = { from: now, until: now + length * 1_000 };
        report(`The link is cut for ${length} s (${mode.value})`, 'bad');
        show(now);
      },
      (error: unknown) => report(error instanceof Error ? error.message : String(error), 'bad'),
    );
  });
  mend.addEventListener('click', () => {
    command('/mend', { link }).then(
      () => {
        if (cut !== undefined) cut = { ...cut, until: 0 };
        show(Date.now());
      },
      (error: unknown) => report(describeError(error), 'bad'),
    );
  });
  onTick(show);
}
