/** One machine: its figures, each with a small chart. */

import { Chart } from './chart';
import { element, setText } from './dom';
import { bytes, duration } from './format';

/** Parts of one kind (cores, interfaces, volumes) that are shown: topics are open to all. */
const maxParts = 128;

/** Bytes a second, in and out. */
export interface Rates {
  readonly in: number;
  readonly out: number;
}

/** Shows one machine. Each method takes one figure; what was never told is not shown. */
export class MachineCard {
  readonly root: HTMLElement;
  readonly #badge = element('span', { class: 'badge', attributes: { role: 'status' } }, 'unknown');
  readonly #info = element('p', { class: 'hint' });
  readonly #tiles = element('div', { class: 'tiles' });
  readonly #notes = element('dl', { class: 'facts machine-facts' });

  /** Tiles by title, made when their first figure comes. */
  readonly #made = new Map<string, Tile>();
  readonly #cores = new Map<string, number>();
  readonly #interfaces = new Map<string, Rates>();
  readonly #coreBars: Bars;
  readonly #volumeBars: Bars;
  readonly #noteValues = new Map<string, Node>();
  /** Set while a sum over several topics waits for the rest of them. */
  #cpuDue = false;
  #networkDue = false;

  constructor(name: string) {
    this.#coreBars = new Bars('cores');
    this.#volumeBars = new Bars('volumes');
    this.root = element(
      'article',
      {
        class: 'machine',
        attributes: { 'data-state': 'unknown', 'data-machine': name, 'aria-label': `Machine ${name}` },
      },
      element('div', { class: 'machine-head' }, element('h3', {}, name), this.#badge, this.#info),
      this.#tiles,
      this.#notes,
    );
  }

  state(state: string): void {
    const known = state === 'online' || state === 'offline' ? state : 'unknown';
    this.root.dataset['state'] = known;
    setText(this.#badge, known);
  }

  info(text: string): void {
    setText(this.#info, text);
  }

  core(name: string, load: number): void {
    if (!this.#cores.has(name) && this.#cores.size >= maxParts) return;
    this.#cores.set(name, load);
    this.#coreBars.set(name, load / 100, `Core ${name}: ${load.toFixed(0)} %`);
    // All cores arrive within a moment: one point for all of them.
    if (this.#cpuDue) return;
    this.#cpuDue = true;
    setTimeout(() => {
      this.#cpuDue = false;
      const loads = [...this.#cores.values()];
      const mean = loads.reduce((sum, value) => sum + value, 0) / loads.length;
      const tile = this.#tile('Processor', { colors: ['--series-1'], max: 100 }, this.#coreBars.root);
      tile.show(`${mean.toFixed(0)} %`, `${loads.length} ${loads.length === 1 ? 'core' : 'cores'}`, [mean]);
    }, 50);
  }

  memory(used: number, total: number, swapUsed: number): void {
    const tile = this.#tile('Memory', { colors: ['--series-1'], max: 100 });
    const percent = total > 0 ? (used / total) * 100 : 0;
    const swap = swapUsed > 0 ? `, ${bytes(swapUsed)} swapped` : '';
    tile.show(bytes(used), `${percent.toFixed(0)} % of ${bytes(total)}${swap}`, [percent]);
  }

  network(name: string, rates: Rates): void {
    if (!this.#interfaces.has(name) && this.#interfaces.size >= maxParts) return;
    this.#interfaces.set(name, rates);
    if (this.#networkDue) return;
    this.#networkDue = true;
    setTimeout(() => {
      this.#networkDue = false;
      const all = [...this.#interfaces.values()];
      const received = all.reduce((sum, rate) => sum + rate.in, 0);
      const sent = all.reduce((sum, rate) => sum + rate.out, 0);
      const tile = this.#tile('Network', { colors: ['--series-1', '--series-2'] });
      tile.showRates('in', received, 'out', sent, [...this.#interfaces.keys()].join(', '));
    }, 50);
  }

  disk(rates: Rates): void {
    const tile = this.#tile('Disk', { colors: ['--series-1', '--series-2'] }, this.#volumeBars.root);
    tile.showRates('read', rates.in, 'written', rates.out, '');
  }

  volume(mount: string, used: number, size: number): void {
    const part = size > 0 ? used / size : 0;
    this.#volumeBars.set(mount, part, `${mount}: ${bytes(used)} of ${bytes(size)}`);
  }

  /** A figure that is only a value. */
  note(name: string, value: string): void {
    let node = this.#noteValues.get(name);
    if (node === undefined) {
      node = element('dd');
      this.#noteValues.set(name, node);
      this.#notes.append(element('div', {}, element('dt', {}, name), node));
    }
    setText(node, value);
  }

  uptime(seconds: number): void {
    this.note('Up for', duration(seconds));
  }

  #tile(title: string, chart: { colors: readonly string[]; max?: number }, below?: HTMLElement): Tile {
    const found = this.#made.get(title);
    if (found !== undefined) return found;
    const tile = new Tile(title, new Chart(chart), below);
    this.#made.set(title, tile);
    // In the order in which people look for them, whichever figure came first.
    const order = ['Processor', 'Memory', 'Network', 'Disk'];
    const next = [...this.#tiles.children].find(
      (other) => order.indexOf(other.getAttribute('data-tile') ?? '') > order.indexOf(title),
    );
    this.#tiles.insertBefore(tile.root, next ?? null);
    return tile;
  }
}

/** A figure with its chart. */
class Tile {
  readonly root: HTMLElement;
  readonly #value = element('p', { class: 'tile-value' });
  readonly #note = element('p', { class: 'tile-note' });
  readonly #chart: Chart;

  constructor(title: string, chart: Chart, below?: HTMLElement) {
    this.#chart = chart;
    this.root = element(
      'div',
      { class: 'tile', attributes: { 'data-tile': title } },
      element('h4', {}, title),
      this.#value,
      this.#note,
      chart.root,
      ...(below === undefined ? [] : [below]),
    );
  }

  show(value: string, note: string, points: readonly number[]): void {
    setText(this.#value, value);
    setText(this.#note, note);
    this.#chart.push(points);
  }

  showRates(firstName: string, first: number, secondName: string, second: number, note: string): void {
    if (this.#value.childElementCount === 0) {
      this.#value.append(rate('key-1', firstName), rate('key-2', secondName));
    }
    const [one, two] = this.#value.querySelectorAll('b');
    if (one !== undefined) setText(one, `${bytes(first)}/s`);
    if (two !== undefined) setText(two, `${bytes(second)}/s`);
    this.#chart.push([first, second]);
    const peak = Math.max(this.#chart.peak(0), this.#chart.peak(1));
    setText(this.#note, `${note}${note === '' ? '' : ' · '}peak ${bytes(peak)}/s`);
  }
}

function rate(key: string, name: string): HTMLElement {
  return element(
    'span',
    { class: `rate ${key}` },
    element('span', { class: 'rate-name' }, name),
    element('b'),
  );
}

/** A row of bars, each a part of a whole. */
class Bars {
  readonly root: HTMLElement;
  readonly #bars = new Map<string, { readonly bar: HTMLElement; readonly label: HTMLElement }>();

  constructor(kind: 'cores' | 'volumes') {
    this.root = element('ul', { class: `bars bars-${kind}` });
  }

  set(name: string, part: number, label: string): void {
    let made = this.#bars.get(name);
    if (made === undefined) {
      if (this.#bars.size >= maxParts) return;
      made = { bar: element('span', { class: 'bar' }), label: element('span', { class: 'bar-label' }) };
      this.#bars.set(name, made);
      const item = element('li', { attributes: { 'data-name': name } }, made.bar, made.label);
      const next = [...this.root.children].find(
        (other) =>
          name.localeCompare(other.getAttribute('data-name') ?? '', undefined, { numeric: true }) < 0,
      );
      this.root.insertBefore(item, next ?? null);
    }
    made.bar.style.setProperty('--part', String(Math.min(1, Math.max(0, part))));
    made.bar.title = label;
    setText(made.label, label);
  }
}
