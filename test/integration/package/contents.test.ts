import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { npm, root } from '../../support/built-package';

const installed = join(inject('consumer'), 'node_modules/mqtide');
const manifest: Manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
const files = readdirSync(installed, { recursive: true, encoding: 'utf8' }).map((name) =>
  name.replaceAll('\\', '/'),
);

interface Manifest {
  readonly main: string;
  readonly browser: string;
  readonly types: string;
  readonly unpkg: string;
  readonly jsdelivr: string;
  readonly sideEffects: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

describe('the package', () => {
  test('holds the built files, the sources, what the README links to, LICENSE, and nothing else', () => {
    const [packed]: { files: { path: string }[] }[] = JSON.parse(
      npm(['pack', '--dry-run', '--ignore-scripts', '--json', '--silent']),
    );
    const paths = packed?.files.map(({ path }) => path) ?? [];
    expect(paths).toEqual(
      expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'src/index.ts', 'dist/index.js']),
    );
    expect(
      paths.filter(
        (path) =>
          !/^(?:dist\/.+\.(?:js|d\.ts)(?:\.map)?|src\/.+\.ts|[A-Z]+\.md|LICENSE|package\.json)$/.test(path),
      ),
    ).toEqual([]);
  });

  test('has all that its texts link to', () => {
    const texts = files.filter((name) => /^[^/]+\.md$/.test(name));
    expect(texts).toContain('README.md');
    const dead = texts.flatMap((name) => {
      const links = readFileSync(join(installed, name), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g);
      return [...links].flatMap(([, link = '']) => (files.includes(link) ? [] : [`${name}: ${link}`]));
    });
    expect(dead).toEqual([]);
  });

  test('has no runtime dependency', () => {
    expect(manifest.dependencies ?? {}).toEqual({});
  });

  test('has every file that its manifest names', () => {
    const { main, browser, types, unpkg, jsdelivr, sideEffects, exports } = manifest;
    const targets = Object.values(exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    );
    for (const target of [main, browser, types, unpkg, jsdelivr, ...sideEffects, ...targets])
      expect(existsSync(join(installed, target)), target).toBe(true);
  });

  test('exports every entry that is built', () => {
    const targets = JSON.stringify(manifest.exports);
    const built = files.filter((name) => /^dist\/[^/]+\.(?:js|d\.ts)$/.test(name));
    expect(built.filter((name) => !targets.includes(`"./${name}"`))).toEqual([]);
  });

  test('has the licence of what it has of others, in the files that have it', () => {
    const files = ['dist/indexeddb.js', 'dist/mqtide.min.js'];
    const licence = readFileSync(join(root, 'node_modules/idb/LICENSE'), 'utf8').trim();
    for (const file of files) expect(readFileSync(join(installed, file), 'utf8')).toContain(licence);
  });

  test('has source maps and declaration maps that lead to its sources', () => {
    const maps = files.filter((name) => name.endsWith('.map'));
    const mapped = files.filter((name) => /^dist\/(?:.+\.js|types\/.+\.d\.ts)$/.test(name));
    expect(mapped.filter((name) => !maps.includes(`${name}.map`))).toEqual([]);
    for (const name of maps) {
      const map: SourceMap = JSON.parse(readFileSync(join(installed, name), 'utf8'));
      for (const [index, source] of map.sources.entries()) {
        const path = join(installed, dirname(name), source);
        expect(relative(join(installed, 'src'), path), name).not.toMatch(/^\.\./);
        const content = readFileSync(path, 'utf8');
        if (name.endsWith('.js.map')) expect(map.sourcesContent?.[index], name).toBe(content);
      }
    }
  });

  test('has files that name their maps', () => {
    for (const name of files.filter((name) => name.endsWith('.map'))) {
      const file = name.slice(0, -'.map'.length);
      const reference = `//# sourceMappingURL=${file.slice(file.lastIndexOf('/') + 1)}.map`;
      expect(readFileSync(join(installed, file), 'utf8').trimEnd().endsWith(reference), file).toBe(true);
    }
  });
});
