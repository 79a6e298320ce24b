/**
 * `npm test`: everything a change must pass, in the order in which mistakes are cheapest to find.
 *
 *   npm test                               build, lint, tidy, then every project's specs
 *   npm test -- --project policy           only that project's specs (may be given several times)
 *   npm test -- --quick                    without the specs that start whole services: for every day
 *   npm test -- --no-cache                 run specs again even if nothing they depend on has changed
 *
 * The last line is `N passed, N failed` (`, N skipped` if any); a step that fails counts as one failure.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';
import { filesBelow } from './files-below.mjs';
import { formatFailure, lastLine, summarize } from './test-summary.mjs';

const root = path.join(import.meta.dirname, '..');
// The daemon and the terminal UI are for people at a desk; CI=true also keeps jest from writing new snapshots.
const environment = {
  ...process.env,
  ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
  ...{ CI: 'true', NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true' },
};
const tidy = '@gatehouse/tidy';

function command(program, args, cwd = root) {
  return spawnSync(program, args, { cwd, env: environment, stdio: 'inherit' }).status === 0;
}

function projects() {
  const { references } = JSON.parse(readFileSync(path.join(root, 'tsconfig.json'), 'utf8'));
  return references.map(({ path: folder }) => ({
    folder: path.join(root, folder),
    name: JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')).name,
  }));
}

const resultsFile = (project) => path.join(project.folder, 'test-results.json');
const hasSpecs = (project) => filesBelow(path.join(project.folder, 'dist')).some((file) => file.endsWith('.spec.js'));

function readResults(project) {
  const file = resultsFile(project);
  return { project: project.name, results: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined };
}

/** A person is asked; where nobody sits in front of it, only continuous integration has agreed already. */
async function consent(question) {
  if (!process.stdin.isTTY) return process.env.CI !== undefined;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question} [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** Specs never fetch a nats-server themselves: where there is none it is fetched here, once, before they start. */
async function natsServerIsThere() {
  try {
    const { findNatsServer } = await import('@gatehouse/local-servers');
    const { path: program, version } = await findNatsServer({ consent, onProgress: console.log });
    console.log(`nats-server ${version}: ${program}`);
    return true;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

/** The whole tree is what tidy reads, so Nx's cache, which knows only a project's own inputs, must not answer for it. */
const runTidy = () => command('npm', ['test', '--silent'], path.join(root, 'tools/tidy'));

/** Take minutes each, the longest first. Nx cannot be told an order: it begins with what others depend on. */
const longest = ['vault', 'up', 'identity', 'policy', 'cli', 'gateway', 'relay'].map((name) => `@gatehouse/${name}`);

async function runProjects(names, useCache) {
  const nx = path.join(root, 'node_modules/nx/dist/bin/nx.js');
  const args = [
    ...[nx, 'run-many', '--target=test', `--projects=${names.join(',')}`, '--parallel=1'],
    // Everything is built already: tsc again, in several projects at a time, could only race.
    ...['--excludeTaskDependencies', '--outputStyle=static-failures-only', ...(useCache ? [] : ['--skipNxCache'])],
  ];
  const [status] = await once(
    spawn(process.execPath, args, { cwd: root, env: environment, stdio: 'inherit' }),
    'close',
  );
  return status === 0;
}

/** Those of `longest` one by one, all others together behind the longest three: nobody is left with a long one in the end. */
function groupsOf(names) {
  const alone = longest.filter((name) => names.includes(name)).map((name) => [name]);
  const others = names.filter((name) => !longest.includes(name));
  return others.length === 0 ? alone : alone.toSpliced(3, 0, others);
}

/** Three projects at a time, also on two cores: specs of whole services wait for them half of their time. */
async function runSpecs(chosen, useCache) {
  const groups = groupsOf(chosen.filter(({ name }) => name !== tidy).map(({ name }) => name));
  const lane = async () => {
    let ok = true;
    for (let group = groups.shift(); group; group = groups.shift()) ok = (await runProjects(group, useCache)) && ok;
    return ok;
  };
  return (await Promise.all([lane(), lane(), lane()])).every(Boolean);
}

function choose(all, wanted) {
  const isNamed = (project, name) => project.name === name || project.name === `@gatehouse/${name}`;
  const unknown = wanted.filter((name) => !all.some((project) => isNamed(project, name)));
  if (unknown.length > 0) throw new Error(`no such project: ${unknown.join(', ')}`);
  return wanted.length === 0 ? all : all.filter((project) => wanted.some((name) => isNamed(project, name)));
}

const seconds = (startedAt) => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
const report = { failedSteps: [], timings: [] };

async function step(name, run) {
  const startedAt = performance.now();
  console.log(`\n== ${name}`);
  const ok = await run();
  report.timings.push(`${name} ${seconds(startedAt)}${ok ? '' : ' FAILED'}`);
  if (!ok) report.failedSteps.push(name);
  return ok;
}

async function testAll(options) {
  const wanted = choose(projects(), options.project ?? []);
  // A result of an earlier run must never stand in for one that this run failed to write.
  for (const project of wanted) rmSync(resultsFile(project), { force: true });

  if (!(await step('build', () => build(root, { link: options.project === undefined && !options.quick })))) return [];
  const chosen = wanted.filter(hasSpecs);
  if (options.project === undefined) await step('lint', () => command('npm', ['run', 'lint', '--silent']));
  if (chosen.some(({ name }) => name === tidy)) await step('tidy', runTidy);
  const canRun = await step('nats-server', natsServerIsThere);
  if (canRun) await step('specs', () => runSpecs(chosen, !options['no-cache']));
  const without = wanted.filter((project) => !chosen.includes(project));
  if (without.length > 0) console.log(`\nno specs in: ${without.map(({ name }) => name).join(', ')}`);
  return chosen.filter(({ name }) => canRun || name === tidy).map(readResults);
}

/** Steps whose failure the tests themselves already tell are not counted twice. */
function addFailedSteps(summary) {
  const told = summary.failures.length > 0 ? ['tidy', 'specs'] : [];
  for (const name of report.failedSteps.filter((failed) => !told.includes(failed))) {
    summary.failures.push({ where: name, title: 'the step failed, see its messages above', detail: '' });
  }
  return summary;
}

async function main() {
  const startedAt = performance.now();
  const { values } = parseArgs({
    options: {
      project: { type: 'string', multiple: true },
      'no-cache': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
    },
  });
  if (values.quick) environment.GATEHOUSE_TESTS = 'quick';
  const summary = addFailedSteps(summarize(await testAll(values)));
  if (summary.failures.length > 0) console.log(`\n${summary.failures.map(formatFailure).join('\n')}`);
  console.log(`\n${report.timings.join(' · ')} · all ${seconds(startedAt)}`);
  console.log(lastLine(summary));
  process.exitCode = summary.failures.length > 0 ? 1 : 0;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
