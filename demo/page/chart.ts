/** A small chart of the last minute and a half: uPlot, without axes, moving with the clock. */

import uPlot from 'uplot';
import { themeChanged } from './theme';
import { onTick } from './ticker';

/** Seconds that the chart shows. */
const span = 90;
/** Seconds without a value after which the line is broken: the gap is the outage. */
const gapAfter = 2.5;
/** Height in CSS pixels. */
const height = 72;

/** What a chart shows. */
export interface ChartOptions {
  /** Colour of each line: the name of a CSS variable. */
  readonly colors: readonly string[];
  /** Top of the scale; without it the largest value in sight. */
  readonly max?: number;
}

/** A chart in an element of its own. */
export class Chart {
  readonly root: HTMLDivElement;
  readonly #plot: uPlot;
  readonly #times: number[] = [];
  readonly #values: (number | null)[][];

  constructor({ colors, max }: ChartOptions) {
    // What it shows stands beside it as text.
    this.root = document.createElement('div');
    this.root.className = 'chart';
    this.root.setAttribute('aria-hidden', 'true');
    this.#values = colors.map(() => []);

    this.#plot = new uPlot(
      {
        width: 200,
        height,
        padding: [4, 0, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        axes: [{ show: false }, { show: false }],
        scales: {
          x: {
            range: () => {
              const now = Date.now() / 1_000;
              return [now - span, now];
            },
          },
          y: { range: (_plot, _min, largest) => [0, max ?? Math.max(1, (largest ?? 0) * 1.15)] },
        },
        series: [
          {},
          ...colors.map((color, index) => ({
            stroke: () => cssColor(color),
            width: 1.75,
            points: { show: false },
            // Only the first line is filled: two areas hide each other.
            ...(index === 0 ? { fill: () => `color-mix(in srgb, ${cssColor(color)} 14%, transparent)` } : {}),
          })),
        ],
      },
      [[], ...colors.map(() => [])],
      this.root,
    );

    new ResizeObserver(() => {
      const width = this.root.clientWidth;
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height });
    }).observe(this.root);
    onTick(() => this.#draw());
    document.addEventListener(themeChanged, () => this.#plot.redraw());
  }

  /** Adds one value a line, taken now. */
  push(values: readonly number[]): void {
    const now = Date.now() / 1_000;
    const last = this.#times.at(-1);
    if (last !== undefined && now - last > gapAfter)
      this.#add(
        last + 0.001,
        values.map(() => null),
      );
    this.#add(now, values);
  }

  /** The largest value of a line in sight. */
  peak(line: number): number {
    return (this.#values[line] ?? []).reduce<number>((largest, value) => Math.max(largest, value ?? 0), 0);
  }

  #add(time: number, values: readonly (number | null)[]): void {
    this.#times.push(time);
    this.#values.forEach((line, index) => {
      line.push(values[index] ?? null);
    });
    // One value before the left edge is kept, so that the line enters from there.
    while ((this.#times[1] ?? time) < time - span) {
      this.#times.shift();
      for (const line of this.#values) line.shift();
    }
  }

  #draw(): void {
    if (!this.root.isConnected || document.hidden) return;
    this.#plot.setData([this.#times, ...this.#values]);
  }
}

/** Canvas needs the colour itself, not the variable. */
function cssColor(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}
