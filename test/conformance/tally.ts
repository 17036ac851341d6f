/** Counts cited statements by version and role. */

/** A numbered statement of one of the specifications. */
export interface Statement {
  /** e.g. `v5 MQTT-3.1.2-1`. */
  readonly id: string;
  /** Whom it binds. */
  readonly binds: 'client' | 'server' | 'both';
  /** The room that holds it; `none` cannot be tested and is not counted. */
  readonly layer: string;
  /** What a test would look at. */
  readonly check: string;
}

/** Whose statements are meant: `client` is what binds a client, alone or together with a server. */
export type Role = 'client' | 'server' | 'both' | 'all';

const bindings: Readonly<Record<Role, readonly Statement['binds'][]>> = {
  client: ['client', 'both'],
  server: ['server', 'both'],
  both: ['both'],
  all: ['client', 'server', 'both'],
};

export const roles: readonly Role[] = ['client', 'server', 'both', 'all'];

/** Versions, as ids begin; the empty one is both. */
export const versions = ['v5', 'v3', ''] as const;

/** How much of a role is cited. */
export interface Tally {
  readonly version: (typeof versions)[number];
  readonly role: Role;
  readonly cited: readonly Statement[];
  readonly missing: readonly Statement[];
}

/** Tells whether a text names a role. */
export function isRole(text: string): text is Role {
  return Object.hasOwn(bindings, text);
}

/** The testable statements of a version that bind a role, parted by whether they are cited. */
export function tally(
  statements: readonly Statement[],
  cited: ReadonlySet<string>,
  version: Tally['version'],
  role: Role,
): Tally {
  const wanted = statements.filter(
    ({ id, binds, layer }) => layer !== 'none' && bindings[role].includes(binds) && id.startsWith(version),
  );
  return {
    version,
    role,
    cited: wanted.filter(({ id }) => cited.has(id)),
    missing: wanted.filter(({ id }) => !cited.has(id)),
  };
}

/** Percentage that is cited; 100 when there is nothing to cite. */
export function percentage({ cited, missing }: Pick<Tally, 'cited' | 'missing'>): number {
  const all = cited.length + missing.length;
  return all === 0 ? 100 : (cited.length * 100) / all;
}

/** A line for people; the percentage is rounded down, so that 100.0 means all. */
export function tallyLine(counted: Tally): string {
  const all = counted.cited.length + counted.missing.length;
  const share = Math.floor(percentage(counted) * 10) / 10;
  return [
    (counted.version || 'v5+v3').padEnd(6),
    counted.role.padEnd(7),
    `${counted.cited.length}`.padStart(4),
    ' / ',
    `${all}`.padEnd(4),
    share.toFixed(1).padStart(6),
    ' %',
  ].join('');
}
