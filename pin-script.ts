/** Writes into the README the `<script>` that pins the built file of this version by its hash; before it is packed. */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the README has it. */
const place = /<script src="[^"]+@[^"]+\/mqtide\.min\.js"[^>]*><\/script>/;

/** The README with the snippet for a script file. */
export function withPinnedScript(readme: string, version: string, file: Uint8Array): string {
  if (!place.test(readme)) throw new Error('README.md has no <script> of a pinned mqtide.min.js');
  const hash = createHash('sha384').update(file).digest('base64');
  const url = `https://unpkg.com/mqtide@${version}/dist/mqtide.min.js`;
  return readme.replace(
    place,
    `<script src="${url}" integrity="sha384-${hash}" crossorigin="anonymous"></script>`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = (path: string) => new URL(path, import.meta.url);
  const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as { version: string };
  const readme = readFileSync(at('README.md'), 'utf8');
  writeFileSync(at('README.md'), withPinnedScript(readme, version, readFileSync(at('dist/mqtide.min.js'))));
}
