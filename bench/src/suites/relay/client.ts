import { commandHash, frameTypes } from '@gatehouse/session';
import { pump, roundTrips } from './bench-stream.js';
import { beClient, type Open, sessionsOf, type Way } from './ways.js';

interface Task {
  readonly way: Way;
  readonly what: 'bulk' | 'rtt' | 'exec';
  readonly streams: number;
  readonly seconds: number;
  /** Over all streams, and again as much before that to warm up. */
  readonly mostBytes?: number;
}

const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
const quantiles = (sorted: readonly number[]) => ({ p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) });

/** Code that runs for the first time is compiled: that is not what is asked for, of nobody. */
const warmUpMs = 2_000;

async function bulk(open: Open, { streams, seconds, mostBytes = Number.POSITIVE_INFINITY }: Task) {
  const pumpAll = async (ms: number, begun = () => {}) => {
    const opened = await Promise.all(Array.from({ length: streams }, open));
    begun();
    const until = performance.now() + ms;
    return Promise.all(opened.map((stream) => pump(stream, until, mostBytes / streams)));
  };
  await pumpAll(warmUpMs);
  let [from, cpuBefore] = [0, process.cpuUsage()];
  const counts = await pumpAll(seconds * 1_000, () => {
    process.stdout.write('begin\n');
    [from, cpuBefore] = [performance.now(), process.cpuUsage()];
  });
  const tookSeconds = (performance.now() - from) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const bytes = counts.reduce((sum, count) => sum + count, 0);
  return { bytes, seconds: tookSeconds, cpuSeconds: (user + system) / 1e6 };
}

async function talk(open: Open, { seconds }: Task) {
  const stream = await open();
  const from = performance.now() + warmUpMs;
  return quantiles(await roundTrips(stream, from, from + seconds * 1_000));
}

async function exec(way: Extract<Way, { kind: 'session' }>) {
  const client = sessionsOf(way);
  const command = ['true'];
  const tookMs: number[] = [];
  for (let i = 0; i < 220; i++) {
    const from = performance.now();
    const frames = await client.openSession({
      scope: { kind: 'exec', commandHash: commandHash(command) },
      command,
      open: { kind: 'exec', command, stdin: false },
    });
    await new Promise<void>((resolve) => {
      frames.onFrame = (type) => type === frameTypes.exit && resolve();
    });
    if (i >= 20) tookMs.push(performance.now() - from);
    frames.end();
  }
  return quantiles(tookMs.sort((a, b) => a - b));
}

// The client of the suite `relay`, as a process of its own. Its argument is what to do, as JSON; it prints what it found.
const task = JSON.parse(process.argv[2] ?? '{}') as Task;
const { way, what } = task;
const result =
  what === 'exec' && way.kind === 'session'
    ? await exec(way)
    : what === 'bulk'
      ? await bulk(await beClient(way), task)
      : await talk(await beClient(way), task);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
