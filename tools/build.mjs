/**
 * `npm run build`: compiles every project of tsconfig.json, in order, only what changed.
 *
 * tsc never deletes an output: without the pruning here a removed spec would stay in dist/ and keep running. And it
 * trusts its .tsbuildinfo blindly: if an output was deleted by hand, the project is compiled afresh. With `--link`
 * every program is linked into one file in the end (link.mjs), which pays where services are started many times.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { filesBelow } from './files-below.mjs';
import { linkPrograms, unlinkStalePrograms } from './link.mjs';

const outputSuffix = /(?:\.d)?\.(?:[mc]?[jt]s)(?:\.map)?$/;
const sourceSuffixes = ['.ts', '.tsx', '.mts', '.cts'];

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(path.join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/** Removes what `project/dist` holds without a source any more; returns the removed paths. */
export function pruneStale(project) {
  const config = JSON.parse(readFileSync(path.join(project, 'tsconfig.json'), 'utf8'));
  const sourceRoot = path.join(project, config.compilerOptions.rootDir);
  const dist = path.join(project, config.compilerOptions.outDir);
  const stale = filesBelow(dist).filter((file) => {
    const stem = path.join(sourceRoot, path.relative(dist, file)).replace(outputSuffix, '');
    return outputSuffix.test(file) && !sourceSuffixes.some((suffix) => existsSync(stem + suffix));
  });
  for (const file of stale) rmSync(file);
  if (existsSync(dist)) removeEmptyFolders(dist);
  return stale;
}

/** Forgets what the compiler remembers of a project one of whose outputs is gone. Returns whether it had to. */
export function forgetIfIncomplete(project) {
  const config = JSON.parse(readFileSync(path.join(project, 'tsconfig.json'), 'utf8'));
  const { rootDir, outDir, tsBuildInfoFile } = config.compilerOptions;
  const memory = path.join(project, tsBuildInfoFile);
  if (!existsSync(memory)) return false;
  const incomplete = config.include
    .flatMap((folder) => filesBelow(path.join(project, folder)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => path.join(project, outDir, path.relative(path.join(project, rootDir), file)))
    .some((output) => !existsSync(output.replace(/\.ts$/, '.js')));
  if (incomplete) rmSync(memory);
  return incomplete;
}

/** Compiles the workspace at `root`, returns whether there was no error. The compiler's own messages go to the screen. */
export async function build(root, { link = false } = {}) {
  const startedAt = performance.now();
  const { references } = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8'));
  const projects = references.map((reference) => path.join(root, reference.path));

  const stale = projects.flatMap(pruneStale);
  if (stale.length > 0) console.log(`build: removed ${stale.length} outputs without a source`);
  projects.forEach(forgetIfIncomplete);

  const compiler = path.join(root, 'node_modules/ts7/bin/tsc');
  const run = spawnSync(process.execPath, [compiler, '-b'], { cwd: root, stdio: 'inherit' });
  const isCompiled = run.status === 0;
  const linked = isCompiled && link ? await linkPrograms(root) : 0;
  if (isCompiled && !link) await unlinkStalePrograms(root);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const outcome = `${isCompiled ? 'compiled' : 'FAILED'}${linked > 0 ? `, ${linked} programs linked` : ''}`;
  console.log(`build: ${projects.length} projects ${outcome} in ${seconds} s`);
  return isCompiled;
}

if (process.argv[1] === import.meta.filename) {
  const isBuilt = await build(path.join(import.meta.dirname, '..'), { link: process.argv.includes('--link') });
  process.exitCode = isBuilt ? 0 : 1;
}
