/**
 * Completes package-lock.json so that `npm ci` works with every registry.
 *
 * Native packages name one optional dependency per platform. A mirror that serves only some of them makes `npm install`
 * drop the others from the lock without a word, and `npm ci` then refuses the lock (EUSAGE, "Missing: ... from lock
 * file"). A stub of `{version, os, cpu, optional}` is enough: npm skips it here, and on the platform it is meant for
 * it is fetched from the full registry.
 *
 *   node tools/lock-stubs.mjs            add what is missing (run it after every npm install)
 *   node tools/lock-stubs.mjs --check    change nothing; exit 1 if the lock is incomplete or older than a package.json
 *   ... --root DIR                       another repository than this one
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const systems = new Map([
  ...['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'].map((s) => [
    s,
    s,
  ]),
  ['linuxmusl', 'linux'],
  ['windows', 'win32'],
  ['macos', 'darwin'],
]);
const processors = new Set('arm arm64 ia32 loong64 mips64el ppc64 riscv64 s390x wasm32 x64'.split(' '));
const libraries = new Map([
  ['musl', 'musl'],
  ['linuxmusl', 'musl'],
  ['musleabihf', 'musl'],
  ['gnu', 'glibc'],
  ['glibc', 'glibc'],
]);

/** The platform that a package's name speaks of, in the words of package.json: `{os?, cpu?, libc?}`. */
export function platformOf(name) {
  const words = name.toLowerCase().split(/[^a-z0-9]+/);
  const pick = (wanted) => words.map(wanted).find((found) => found !== undefined);
  const os = pick((word) => systems.get(word));
  const cpu =
    pick((word) => (processors.has(word) ? word : undefined)) ?? pick((w) => (/^armv\d/.test(w) ? 'arm' : undefined));
  const libc = pick((word) => libraries.get(word));
  return { ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }), ...(os && { os: [os] }) };
}

/** Node's own look-up: the nearest `node_modules/<name>` on the way from `from` to the root. */
function nearest(packages, from, name) {
  for (let at = from; ; at = path.posix.dirname(at)) {
    const folder = at === '.' ? '' : at;
    const key = `${folder ? `${folder}/` : ''}node_modules/${name}`;
    if (packages[key]) return key;
    if (folder === '') return undefined;
  }
}

function wanted(name, range) {
  const alias = /^npm:(.+)@([^@]+)$/.exec(range);
  const version = (alias?.[2] ?? range).replace(/^[~^]/, '');
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`cannot make a stub of ${name}: no version in "${range}"`);
  return { version, name: alias?.[1] };
}

/** The optional dependencies that no entry of the lock answers, as `[key, entry]` pairs ready to be added. */
export function missingEntries(packages) {
  const known = { ...packages };
  const missing = [];
  for (const [from, entry] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const found = nearest(known, from, name);
      const pinned = /^\d+\.\d+\.\d+\S*$/.test(range);
      if (found && (!pinned || known[found].version === range)) continue;
      const { version, name: realName } = wanted(name, range);
      const key = known[`node_modules/${name}`] ? `${from}/node_modules/${name}` : `node_modules/${name}`;
      const facts = {
        ...(realName && { name: realName }),
        ...platformOf(realName ?? name),
        ...(entry.dev && { dev: true }),
        ...(entry.devOptional && { devOptional: true }),
        optional: true,
      };
      // npm's own order of fields, so that its next rewrite of the file moves nothing.
      const stub = { version, ...Object.fromEntries(Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))) };
      known[key] = stub;
      missing.push([key, stub]);
    }
  }
  return missing;
}

function workspaceFolders(root) {
  const { workspaces = [] } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const folders = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!existsSync(path.join(root, parent))) return [];
    return readdirSync(path.join(root, parent)).map((child) => `${parent}/${child}`);
  });
  return folders.filter((folder) => existsSync(path.join(root, folder, 'package.json')));
}

/** Names of package.json files whose dependencies are not those the lock was made from: `npm ci` refuses them too. */
export function driftedManifests(packages, root) {
  const fields = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  const canonical = (deps) => JSON.stringify(Object.entries(deps ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
  return ['', ...workspaceFolders(root)].filter((folder) => {
    const manifest = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
    return fields.some((field) => canonical(manifest[field]) !== canonical(packages[folder]?.[field]));
  });
}

function main() {
  const { values } = parseArgs({
    options: {
      check: { type: 'boolean', default: false },
      root: { type: 'string', default: path.join(import.meta.dirname, '..') },
    },
  });
  const file = path.join(values.root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingEntries(lock.packages);
  const drifted = driftedManifests(lock.packages, values.root);

  for (const [key, entry] of missing) {
    const platform = [entry.os, entry.cpu, entry.libc].flat().filter(Boolean).join(' ') || 'no platform in its name';
    console.log(`${values.check ? 'missing' : 'added'}  ${key} ${entry.version} (${platform})`);
  }
  for (const folder of drifted) {
    console.log(
      `stale    ${path.posix.join(folder, 'package.json')} differs from the lock: run npm install, then npm run lock`,
    );
  }
  if (!values.check && missing.length > 0) {
    const entries = [...Object.entries(lock.packages), ...missing].sort(([a], [b]) => a.localeCompare(b, 'en'));
    writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`);
  }
  console.log(`lock: ${missing.length} ${values.check ? 'missing' : 'added'}, ${drifted.length} stale`);
  process.exitCode = drifted.length > 0 || (values.check && missing.length > 0) ? 1 : 0;
}

if (process.argv[1] === import.meta.filename) main();
