/** Compiles the application with the compilers that its users have. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/built-package';

/** TypeScript by version; 6.0 is the repository's own and has tests of its own. */
const compilers: Readonly<Record<string, string>> = {
  'TypeScript 5.4': join(root, 'test/consumers/node_modules/typescript54/bin/tsc'),
  'TypeScript 5.9': join(root, 'test/consumers/node_modules/typescript59/bin/tsc'),
  'TypeScript 6.0': join(root, 'node_modules/typescript/bin/tsc'),
  'TypeScript 7.0': join(root, 'test/consumers/node_modules/typescript7/bin/tsc'),
};

const resolutions = {
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
};

const libraries = {
  dom: { lib: ['es2022', 'dom'], types: [] },
  webworker: { lib: ['es2022', 'webworker'], types: [] },
  'Node 20': { lib: ['es2022'], types: ['node'] },
};

/**
 * Tries all of them.
 * @param folder has mqtide and `@types/node` installed
 * @returns what was wrong, by compiler, resolution and library
 */
export function compile(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  copyFileSync(join(root, 'test/consumers/application.ts'), join(folder, 'application.mts'));
  for (const [compiler, program] of Object.entries(compilers)) {
    for (const [resolution, how] of Object.entries(resolutions)) {
      for (const [library, what] of Object.entries(libraries)) {
        const name = `${compiler}, ${resolution}, ${library}`;
        const compilerOptions = {
          strict: true,
          noEmit: true,
          target: 'es2022',
          skipLibCheck: false,
          ...how,
          ...what,
        };
        const project = join(folder, 'tsconfig.json');
        writeFileSync(project, JSON.stringify({ compilerOptions, files: ['application.mts'] }));
        try {
          execFileSync(process.execPath, [program, '--project', project], {
            cwd: folder,
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'pipe'],
          });
        } catch (error) {
          const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
          found.set(name, `${stdout}${stderr}` || String(error));
        }
        console.log(`${name}: ${found.has(name) ? 'FAILED' : 'compiles'}`);
      }
    }
  }
  return found;
}
