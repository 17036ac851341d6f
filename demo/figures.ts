/** What the machine can tell about itself, as figures to publish. */

import { readdir } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import si from 'systeminformation';

/** One figure: a topic below `machine/<name>/`, and a value that becomes JSON. */
export interface Figure {
  readonly topic: string;
  readonly value: unknown;
}

/** A source of figures. */
export interface Reading {
  /** Milliseconds from one reading to the next. */
  readonly every: number;
  readonly take: () => Promise<readonly Figure[]>;
}

/** `machine/<name>/cpu/<core>`; the load is in percent. */
export interface CpuFigure {
  readonly load: number;
}

/** `machine/<name>/memory`, in bytes. */
export interface MemoryFigure {
  readonly total: number;
  readonly used: number;
  readonly swapTotal: number;
  readonly swapUsed: number;
}

/** `machine/<name>/network/<interface>`: bytes since boot, and bytes a second. */
export interface TrafficFigure {
  readonly received: number;
  readonly sent: number;
  readonly receivedRate: number;
  readonly sentRate: number;
}

/** `machine/<name>/disk/io`: bytes since boot, and bytes a second. */
export interface DiskFigure {
  readonly read: number;
  readonly written: number;
  readonly readRate: number;
  readonly writtenRate: number;
}

/** `machine/<name>/volume/<mount>`, in bytes. */
export interface VolumeFigure {
  readonly mount: string;
  readonly size: number;
  readonly used: number;
}

/** `machine/<name>/processes`. */
export interface ProcessesFigure {
  readonly count: number;
}

/** `machine/<name>/uptime`. */
export interface UptimeFigure {
  readonly seconds: number;
}

/** `machine/<name>/temperature`: of the processor, in degrees Celsius. */
export interface TemperatureFigure {
  readonly celsius: number;
}

/** `machine/<name>/info`. */
export interface MachineInfo {
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memory: number;
  readonly runtime: string;
}

/** At most this many network interfaces: a machine with containers has dozens that nobody looks at. */
const maxInterfaces = 6;
/** At most this many volumes. */
const maxVolumes = 6;

/** Slow readings have their own pace, so that they hold up no other. */
export const readings: readonly Reading[] = [
  { every: 1_000, take: cpu },
  { every: 1_000, take: memory },
  { every: 1_000, take: network },
  { every: 1_000, take: diskTraffic },
  { every: 1_000, take: upSince },
  // Counting processes elsewhere means to list them, which costs a second of a core on Windows.
  { every: process.platform === 'linux' ? 1_000 : 10_000, take: processes },
  { every: 5_000, take: temperature },
  { every: 10_000, take: volumes },
];

/** The host's name as a topic level. */
export function machineName(): string {
  return topicLevel(hostname()) || 'this';
}

/** Replaces what a topic level cannot hold. */
export function topicLevel(text: string): string {
  return text.replace(/[/+#\0]+/g, '-').replace(/^-|-$/g, '');
}

/** What machine this is. */
export async function describeMachine(): Promise<MachineInfo> {
  const [system, processor, { total }] = await Promise.all([si.osInfo(), si.cpu(), si.mem()]);
  return {
    system: `${system.distro} ${system.release}`.trim(),
    processor: `${processor.manufacturer} ${processor.brand}`.trim(),
    cores: processor.cores,
    memory: total,
    runtime: `Node ${process.versions.node}`,
  };
}

async function cpu(): Promise<Figure[]> {
  const { cpus } = await si.currentLoad();
  return cpus.map(({ load }, core) => ({
    topic: `cpu/${core}`,
    value: { load: round(load) } satisfies CpuFigure,
  }));
}

async function memory(): Promise<Figure[]> {
  const { total, available, swaptotal, swapused } = await si.mem();
  const value: MemoryFigure = { total, used: total - available, swapTotal: swaptotal, swapUsed: swapused };
  return [{ topic: 'memory', value }];
}

async function network(): Promise<Figure[]> {
  const interfaces = await si.networkStats('*');
  return interfaces
    .filter(({ rx_bytes, tx_bytes }) => rx_bytes + tx_bytes > 0)
    .sort((a, b) => b.rx_bytes + b.tx_bytes - (a.rx_bytes + a.tx_bytes))
    .slice(0, maxInterfaces)
    .map(({ iface, rx_bytes, tx_bytes, rx_sec, tx_sec }) => ({
      topic: `network/${topicLevel(iface)}`,
      value: {
        received: rx_bytes,
        sent: tx_bytes,
        receivedRate: round(rx_sec ?? 0),
        sentRate: round(tx_sec ?? 0),
      } satisfies TrafficFigure,
    }));
}

async function diskTraffic(): Promise<Figure[]> {
  // Windows has no such counters; the library answers null there, whatever its types say.
  const stats: { rx: number; wx: number; rx_sec: number | null; wx_sec: number | null } | null =
    await si.fsStats();
  if (stats === null) return [];
  const value: DiskFigure = {
    read: stats.rx,
    written: stats.wx,
    readRate: round(stats.rx_sec ?? 0),
    writtenRate: round(stats.wx_sec ?? 0),
  };
  return [{ topic: 'disk/io', value }];
}

async function volumes(): Promise<Figure[]> {
  const seen = new Set<string>();
  const figures: Figure[] = [];
  for (const { fs, mount, size, used } of await si.fsSize()) {
    if (size === 0 || seen.has(fs) || figures.length === maxVolumes) continue;
    seen.add(fs);
    figures.push({
      topic: `volume/${topicLevel(mount) || 'root'}`,
      value: { mount, size, used } satisfies VolumeFigure,
    });
  }
  return figures;
}

async function processes(): Promise<Figure[]> {
  const count =
    process.platform === 'linux'
      ? (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).length
      : (await si.processes()).all;
  return [{ topic: 'processes', value: { count } satisfies ProcessesFigure }];
}

async function upSince(): Promise<Figure[]> {
  return [{ topic: 'uptime', value: { seconds: Math.floor(uptime()) } satisfies UptimeFigure }];
}

async function temperature(): Promise<Figure[]> {
  const { main } = await si.cpuTemperature();
  if (main === null || main <= 0) return [];
  return [{ topic: 'temperature', value: { celsius: round(main) } satisfies TemperatureFigure }];
}

/** One decimal: what a dashboard can show. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}
