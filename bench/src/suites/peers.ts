import { fileURLToPath } from 'node:url';
import { type Cerbos, startCerbos } from '../cerbos.js';
import { startChild } from '../child.js';
import { type Figures, load, type Target } from '../load.js';
import { type AccessModel, accessModel, type Check } from '../policy-model/access-model.js';
import { establish } from '../policy-model/our-service.js';
import { authzenDialect, batches, cerbosDialect, type Dialect } from '../policy-model/questions.js';
import { type Replica, startReplica } from '../replica.js';
import { type Row, rate, ratioOf } from '../report.js';
import type { Stack } from '../stack.js';
import { type Usage, usageOf } from '../usage.js';

const batchSize = 50;
/** Bodies that a load goes through; all checks are asked once before. */
const bodies = 200;

interface Contender {
  readonly name: string;
  readonly url: string;
  readonly replicas?: readonly string[];
  readonly headers: Record<string, string>;
  readonly dialect: Dialect;
  readonly usage: () => Usage;
}

const json = { 'content-type': 'application/json' };

/** Asks all checks, in batches of one user, and says how many answers are not those of the model. */
async function wrongAnswers({ url, headers, dialect }: Contender, checks: readonly Check[]): Promise<number> {
  let wrong = 0;
  const all = [...batches(checks, batchSize), ...checks.slice(0, 200).map((check) => [check])];
  for (const batch of all) {
    const [first] = batch;
    const isSingle = batch.length === 1 && first;
    const response = await fetch(`${url}${isSingle ? dialect.path : dialect.batchPath}`, {
      method: 'POST',
      headers,
      body: isSingle ? dialect.single(first) : dialect.batch(batch),
    });
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    const answers = dialect.read((await response.json()) as never, batch);
    wrong += batch.filter(({ expected }, i) => answers[i] !== expected).length;
  }
  return wrong;
}

const pathOf = ({ dialect }: Contender, size: number): string => (size === 1 ? dialect.path : dialect.batchPath);

const target = (of: Contender, checks: readonly Check[], size: number): Target => ({
  url: `${of.url}${pathOf(of, size)}`,
  replicas: (of.replicas ?? []).map((url) => `${url}${pathOf(of, size)}`),
  method: 'POST',
  headers: of.headers,
  bodies:
    size === 1
      ? checks.slice(0, bodies).map((check) => of.dialect.single(check))
      : batches(checks, size)
          .filter((batch) => batch.length === size)
          .slice(0, bodies)
          .map((batch) => of.dialect.batch(batch)),
});

interface Measured extends Figures {
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

async function measure(of: Contender, asked: Target, connections: number, seconds: number): Promise<Measured> {
  const before = of.usage();
  const figures = await load(asked, connections, seconds);
  const after = of.usage();
  return { ...figures, cpuSeconds: after.cpuSeconds - before.cpuSeconds, rssMiB: after.rssMiB };
}

const middle = (figures: readonly Measured[]): Measured =>
  [...figures].sort((a, b) => a.perSecond - b.perSecond)[figures.length >> 1] as Measured;

const shown = (measured: Measured, size: number): string => {
  const { perSecond, p50Ms, p99Ms, failed, answered, cpuSeconds, rssMiB } = measured;
  const cpuMicros = (cpuSeconds * 1e6) / Math.max(1, answered * size);
  const use = `${cpuMicros.toFixed(0)} us CPU each  ${rssMiB.toFixed(0)} MiB`;
  return `${rate(perSecond * size)}  p50 ${p50Ms} ms  p99 ${p99Ms} ms  ${use}${failed ? `  ${failed} failed` : ''}`;
};

/** In turns: A B C A B C. Each is asked once before without being measured: what is compiled on the way is compiled by then. */
async function compare(
  contenders: readonly Contender[],
  checks: readonly Check[],
  { size, connections, seconds, rounds }: { size: number; connections: number; seconds: number; rounds: number },
): Promise<readonly Measured[]> {
  const measured = contenders.map(() => [] as Measured[]);
  for (const contender of contenders) await load(target(contender, checks, size), connections, seconds);
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const asked = target(contender, checks, size);
      measured[i]?.push(await measure(contender, asked, connections, seconds));
    }
  }
  return measured.map(middle);
}

function rowsOf(contenders: readonly Contender[], measured: readonly Measured[], size: number, label: string): Row[] {
  const against = contenders.findIndex(({ name }) => name === 'Cerbos, decision log on');
  return contenders.map(({ name }, i) => ({
    name: `${name}, ${label}`,
    value: shown(measured[i] as Measured, size),
    ...(i !== against && {
      ratio: ratioOf((measured[i] as Measured).perSecond, (measured[against] as Measured).perSecond),
      against: 'Cerbos with its log on',
    }),
  }));
}

const kept = (holds: boolean): string => (holds ? 'reached' : 'missed');

/** What "hello" answered, by connections, on the machine on which the absolute targets were set. */
const helloThere: Readonly<Record<number, number>> = { 1: 34_821, 64: 66_083 };

/** Absolute targets say as much about a machine as about us: beside each verdict, our figure as the other machine would give it. */
interface Setting {
  readonly connections: number;
  readonly hello: number;
}

const scaleOf = ({ connections, hello }: Setting): number => (helloThere[connections] ?? hello) / hello;

function targetRows(
  name: string,
  [on, ours]: readonly [Measured, Measured],
  size: number,
  setting: Setting,
): readonly Row[] {
  const scale = scaleOf(setting);
  const scaled = (figure: string) => `  (scaled by hello, x ${scale.toFixed(1)}: ${figure})`;
  const factor = ours.perSecond / on.perSecond;
  if (size > 1) {
    const [perSecond, wanted] = [ours.perSecond * size, Math.max(100_000, 5 * on.perSecond * size)];
    return [
      { name: `target, ${name}: 5 x Cerbos`, value: kept(factor >= 5) },
      {
        name: `target, ${name}: 100,000/s or 5 x Cerbos, whichever is more`,
        value: kept(perSecond >= wanted) + scaled(rate(perSecond * scale)),
      },
    ];
  }
  const rows = [{ name: `target, ${name}: 2 x Cerbos`, value: kept(factor >= 2) }];
  if (setting.connections !== 64) return rows;
  const value = kept(ours.p99Ms < 15) + scaled(`${(ours.p99Ms / scale).toFixed(1)} ms`);
  return [...rows, { name: `target, ${name}: p99 below 15 ms`, value }];
}

/** NestJS on Fastify, doing nothing: what this machine can do at all. */
async function measureHello(connections: number, seconds: number): Promise<number> {
  const helloServer = fileURLToPath(new URL('../hello-server.js', import.meta.url));
  const hello = await startChild([helloServer], (line) => line.startsWith('http'));
  try {
    const limit = { url: hello.line, method: 'POST' as const, headers: json, body: '{}' };
    await load(limit, connections, seconds);
    return (await load(limit, connections, seconds)).perSecond;
  } finally {
    await hello.stop();
  }
}

async function contendersOf(
  stack: Stack,
  model: AccessModel,
  { on, off, replica }: { on: Cerbos; off: Cerbos; replica: Replica | undefined },
): Promise<readonly Contender[]> {
  const cerbos = (name: string, { url, process: { pid = 0 } }: Cerbos): Contender => ({
    ...{ name, url, headers: json, dialect: cerbosDialect(model) },
    usage: () => usageOf(pid),
  });
  const { pid = 0 } = stack.process;
  // PostgreSQL writes what we record. Its processes share most of their memory, so that of the service is shown.
  const usage = () => ({
    cpuSeconds: usageOf(pid, /apps\/policy|postgres/).cpuSeconds,
    rssMiB: usageOf(pid, /apps\/policy/).rssMiB,
  });
  const ours: Contender = {
    ...{ name: 'Gatehouse, recording', url: stack.services.policy ?? '', usage, dialect: authzenDialect(model) },
    headers: { ...json, authorization: `Bearer ${stack.key}` },
  };
  const contenders = [cerbos('Cerbos, decision log on', on), cerbos('Cerbos, decision log off', off), ours];
  if (!replica) return contenders;
  const usageOfBoth = () => {
    const [one, other] = [usage(), usageOf(replica.pid)];
    return { cpuSeconds: one.cpuSeconds + other.cpuSeconds, rssMiB: one.rssMiB + other.rssMiB };
  };
  return [
    ...contenders,
    { ...ours, name: 'Gatehouse, recording, two replicas', replicas: [replica.url], usage: usageOfBoth },
  ];
}

/** The Cerbos server beside our policy service, which records each decision durably: the same model, the same checks. */
export async function peers(stack: Stack, seconds: number): Promise<readonly Row[]> {
  const model = accessModel(1);
  const [on, off] = [await startCerbos(model, true), await startCerbos(model, false)];
  let replica: Replica | undefined;
  try {
    await establish(stack, model);
    // One process of Node uses one core and a bit; Cerbos uses all there are.
    replica = await startReplica(stack, 'policy');
    const contenders = await contendersOf(stack, model, { on, off, replica });
    const rows: Row[] = [];
    for (const contender of contenders) {
      for (const url of contender.replicas ?? [contender.url]) {
        const wrong = await wrongAnswers({ ...contender, url }, model.checks);
        if (wrong > 0) throw new Error(`${contender.name}: ${wrong} answers are wrong`);
      }
      rows.push({
        name: `${contender.name}: right answers`,
        value: `${model.checks.length} of ${model.checks.length}`,
      });
    }
    const hello = new Map<number, number>();
    for (const connections of [1, 64]) {
      const perSecond = await measureHello(connections, seconds);
      hello.set(connections, perSecond);
      rows.push({ name: `NestJS on Fastify hello, c=${connections}`, value: rate(perSecond) });
    }
    for (const [size, connections] of [
      [1, 1],
      [1, 64],
      [batchSize, 1],
      [batchSize, 64],
    ] as const) {
      const label = `${size === 1 ? 'single' : `batches of ${size}`}, c=${connections}`;
      // One connection reaches one replica.
      const compared = contenders.filter(({ replicas }) => connections > 1 || !replicas);
      const measured = await compare(compared, model.checks, { size, connections, seconds, rounds: 3 });
      rows.push(...rowsOf(compared, measured, size, label));
      const setting = { connections, hello: hello.get(connections) ?? 1 };
      for (const [i, { name, replicas }] of compared.entries()) {
        if (name.startsWith('Cerbos')) continue;
        const named = replicas ? `${label}, two replicas` : label;
        rows.push(...targetRows(named, [measured[0] as Measured, measured[i] as Measured], size, setting));
      }
    }
    return rows;
  } finally {
    await Promise.all([on.stop(), off.stop(), replica?.stop()]);
  }
}
