#!/usr/bin/env node
/** `npm start`: compiles what has changed, then starts everything (src/main.ts). */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const startedAtMs = performance.now();
const repository = path.join(import.meta.dirname, '../../..');
const stamp = path.join(repository, 'tools/up/dist/.built');

/** Folders whose programs are run, by their own tsconfig.json. */
function projects() {
  const folders = ['apps', 'libs'].flatMap((group) =>
    readdirSync(path.join(repository, group)).map((name) => path.join(repository, group, name)),
  );
  const withTests = new Set(['testing']);
  return [...folders, path.join(repository, 'tools/up')].filter(
    (folder) => !withTests.has(path.basename(folder)) && existsSync(path.join(folder, 'tsconfig.json')),
  );
}

function newestMs(folder) {
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(0, ...files.map((file) => statSync(path.join(file.parentPath, file.name)).mtimeMs));
}

/** A missing output, or a source newer than the last build from here. */
function isStale() {
  const builtMs = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return projects().some((folder) => {
    const changedMs = Math.max(
      newestMs(path.join(folder, 'src')),
      statSync(path.join(folder, 'tsconfig.json')).mtimeMs,
    );
    return changedMs > builtMs || !existsSync(path.join(folder, 'dist/.tsbuildinfo'));
  });
}

function build() {
  const begun = new Date();
  process.stderr.write('Compiling (only after a change; the first time takes longest) ...\n');
  // The compiler's messages go to stderr: stdout may be read by a script.
  const run = spawnSync(process.execPath, [path.join(repository, 'tools/build.mjs'), '--link'], {
    cwd: repository,
    stdio: ['ignore', process.stderr.fd, process.stderr.fd],
  });
  if (run.status !== 0) {
    process.stderr.write(
      'Gatehouse did not start: it could not be compiled; see above (run npm ci if packages are missing)\n',
    );
    process.exit(1);
  }
  writeFileSync(stamp, '');
  utimesSync(stamp, begun, begun);
}

if (isStale()) build();
const { main } = await import('../dist/main.js');
await main(process.argv.slice(2), { repository, startedAtMs });
process.exit();
