import { fileURLToPath } from 'node:url';
import { call, connectBus } from '@gatehouse/bus';
import { decide } from '@gatehouse/contracts';
import pg from 'pg';
import { startChild } from '../child.js';
import { load, median } from '../load.js';
import { type Row, rate, ratioOf } from '../report.js';
import type { Stack } from '../stack.js';

const secretsEach = 10;
const widths = [1, 16, 64] as const;
const rounds = 3;
const value = 'x'.repeat(64);
/** Secrets in one request, where a request is about many. */
const eachRequest = 50;

/** Something that is done over and over by so many at once; answers how often a second. */
type Measure = (width: number) => Promise<number>;

/** Reads and writes of secrets over HTTP, in turns with what they can't be faster than. */
export async function vault(stack: Stack, seconds: number): Promise<readonly Row[]> {
  const program = (name: string) => fileURLToPath(new URL(`../${name}.js`, import.meta.url));
  const isReady = (line: string) => line.startsWith('http');
  const hello = await startChild([program('hello-server')], isReady);
  const commits = await startChild([program('commit-server')], isReady, { env: { DATABASE_URL: stack.databaseUrl } });
  const nc = await connectBus({ servers: stack.natsUrl, user: 'vault', seedFile: stack.natsSeed('vault') });
  const pool = new pg.Pool({ connectionString: stack.databaseUrl, max: 64 });
  try {
    await pool.query('create table if not exists public.plain (id bigserial primary key, body text)');
    const me = await whoAmI(stack);
    const asked = {
      tenantId: me.tenantId,
      subject: { type: me.type, id: me.id },
      action: 'secret.read',
      resource: { type: 'secret', id: 'bench/0/S0' },
      noted: { version: 1 },
      caller: { type: 'gatehouse', id: 'vault' },
    };
    const measures: Record<keyof Rates, Measure> = {
      hello: async (width) => (await load({ url: hello.line }, width, seconds)).perSecond,
      commit: (width) =>
        repeated(() => pool.query('insert into public.plain (body) values ($1)', [value]), width, seconds),
      once: (width) => rowsOverHttp(`${commits.line}/once`, width, seconds),
      twice: (width) => rowsOverHttp(`${commits.line}/twice`, width, seconds),
      overBus: (width) => repeated(() => call(nc, decide, asked, 5_000), width, seconds),
      decision: (width) => decisionsOverHttp(stack, asked, width, seconds),
      write: (width) => overHttp(stack, 'PUT', width, seconds),
      read: (width) => overHttp(stack, 'GET', width, seconds),
      writeMany: (width) => manyOverHttp(stack, 'write', width, seconds),
      readMany: (width) => manyOverHttp(stack, 'read', width, seconds),
    };
    await writeAll(stack, Math.max(...widths));
    // Services run for weeks: what is measured is not how long the first calls take to be compiled.
    for (const warmUp of Object.values(measures)) await warmUp(widths[1]);
    const rows: Row[] = [];
    for (const width of widths) {
      const { writeMany, readMany, ...single } = measures;
      const rates = await inTurns(width === 1 ? single : measures, width);
      rows.push(...rowsOf(width, rates), ...rowsOfMany(width, rates));
    }
    return rows;
  } finally {
    await Promise.all([hello.stop(), commits.stop(), nc.close(), pool.end()]);
  }
}

type Single = 'hello' | 'commit' | 'once' | 'twice' | 'overBus' | 'decision' | 'write' | 'read';
type Many = 'writeMany' | 'readMany';
type Rates = Readonly<Record<Single, number> & Partial<Record<Many, number>>>;
type Measures = Readonly<Record<Single, Measure> & Partial<Record<Many, Measure>>>;

/** One after the other, and all of them again: what else the machine does meets each of them. */
async function inTurns(measures: Measures, width: number): Promise<Rates> {
  const found = Object.entries(measures).map(([name, measure]) => ({ name, measure, rates: [] as number[] }));
  for (let round = 0; round < rounds; round++) for (const { measure, rates } of found) rates.push(await measure(width));
  return Object.fromEntries(found.map(({ name, rates }) => [name, median(rates)])) as unknown as Rates;
}

function rowsOf(width: number, { hello, commit, once, twice, overBus, decision, write, read }: Rates): Row[] {
  const named = (name: string) => `${name}, c=${width}`;
  return [
    { name: named('NestJS on Fastify hello'), value: rate(hello) },
    { name: named('one row a commit'), value: rate(commit) },
    ...[
      { name: named('limit: hello, and a row in a shared commit'), of: once },
      { name: named('limit: hello, and two, one after the other'), of: twice },
    ].map(({ name, of }) => ({ name, value: rate(of), ratio: ratioOf(of, commit), against: 'one row a commit' })),
    { name: named('recorded decision over HTTP'), value: rate(decision) },
    { name: named('recorded decision over the bus'), value: rate(overBus) },
    { name: named('secret written'), value: rate(write), ratio: ratioOf(write, commit), against: 'one row a commit' },
    { name: named('target: written at 0.5 of it'), value: write >= 0.5 * commit ? 'reached' : 'missed' },
    { name: named('secret written'), value: rate(write), ratio: ratioOf(write, hello), against: 'hello' },
    { name: named('secret read'), value: rate(read), ratio: ratioOf(read, decision), against: 'decisions over HTTP' },
    { name: named('target: read at 0.6 of them'), value: read >= 0.6 * decision ? 'reached' : 'missed' },
    { name: named('secret read'), value: rate(read), ratio: ratioOf(read, overBus), against: 'decisions over the bus' },
    { name: named('secret read'), value: rate(read), ratio: ratioOf(read, hello), against: 'hello' },
  ];
}

/** Secrets a second, not requests: nobody should take them for the rows above. */
function rowsOfMany(width: number, { commit, decision, writeMany, readMany }: Rates): Row[] {
  if (writeMany === undefined || readMany === undefined) return [];
  const named = (what: string) => `secrets ${what}, ${eachRequest} a request, in secrets a second, c=${width}`;
  return [
    { name: named('written'), value: rate(writeMany), ratio: ratioOf(writeMany, commit), against: 'one row a commit' },
    { name: named('read'), value: rate(readMany), ratio: ratioOf(readMany, decision), against: 'decisions over HTTP' },
  ];
}

interface Question {
  readonly subject: { readonly type: string; readonly id: string };
  readonly action: string;
  readonly resource: { readonly type: string; readonly id: string };
}

const body = JSON.stringify({ value });
const headersOf = ({ key }: Stack) => ({ 'content-type': 'application/json', authorization: `Bearer ${key}` });
const pathOf = (connection: number, i: number): string => `/api/v1/vault/secrets/bench/${connection}/S${i}`;

/** What is read is there before anything is measured. */
async function writeAll(stack: Stack, width: number): Promise<void> {
  for (let i = 0; i < secretsEach; i++) {
    const written = Array.from({ length: width }, async (_, connection) => {
      const url = `${stack.services.vault}${pathOf(connection, i)}`;
      const answer = await fetch(url, { method: 'PUT', headers: headersOf(stack), body });
      if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    });
    await Promise.all(written);
  }
}

async function overHttp(stack: Stack, method: 'PUT' | 'GET', width: number, seconds: number): Promise<number> {
  const headers = headersOf(stack);
  // Each connection has secrets of its own, as services have.
  const requestsOf = (connection: number) =>
    Array.from({ length: secretsEach }, (_, i) => ({
      ...{ method, headers, path: pathOf(connection, i) },
      ...(method === 'PUT' && { body }),
    }));
  const figures = await load({ url: stack.services.vault ?? '', requestsOf }, width, seconds);
  if (figures.failed > 0) throw new Error(`${figures.failed} calls of ${method} failed`);
  return figures.perSecond;
}

/** What is left of a write over HTTP when nothing else is done. */
async function rowsOverHttp(url: string, width: number, seconds: number): Promise<number> {
  const figures = await load(
    { url, method: 'POST', headers: { 'content-type': 'application/json' }, body },
    width,
    seconds,
  );
  if (figures.failed > 0) throw new Error(`${figures.failed} calls of ${url} failed`);
  return figures.perSecond;
}

/** Requests for many secrets, of which each connection has its own; answers how many secrets a second. */
async function manyOverHttp(stack: Stack, verb: 'write' | 'read', width: number, seconds: number): Promise<number> {
  const url = `${stack.services.vault}/api/v1/vault/${verb}`;
  const headers = headersOf(stack);
  const bodies = Array.from({ length: width }, (_, connection) => {
    const paths = Array.from({ length: eachRequest }, (_, i) => `bench-many/${connection}/S${i}`);
    return JSON.stringify({ secrets: paths.map((path) => ({ path, ...(verb === 'write' && { value }) })) });
  });
  const request = async (connection: number) => {
    const answer = await fetch(url, { method: 'POST', headers, body: bodies[connection] as string });
    const text = await answer.text();
    // The whole is answered 200 whatever became of each.
    const done = text.split('"ok":true').length - 1;
    if (done !== eachRequest) throw new Error(`${url}: ${answer.status}, ${done} of ${eachRequest}`);
  };
  return (await repeated(request, width, seconds)) * eachRequest;
}

/** The same question as the vault asks, by a client of policy's own API. */
async function decisionsOverHttp(
  stack: Stack,
  { subject, action, resource }: Question,
  width: number,
  seconds: number,
): Promise<number> {
  const question = JSON.stringify({ subject, action: { name: action }, resource });
  const url = `${stack.services.policy}/access/v1/evaluation`;
  const target = { url, method: 'POST', headers: headersOf(stack), body: question } as const;
  const figures = await load(target, width, seconds);
  if (figures.failed > 0) throw new Error(`${figures.failed} decisions failed`);
  return figures.perSecond;
}

/** Keeps `width` calls under way for a time. */
async function repeated(work: (worker: number) => Promise<unknown>, width: number, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1_000;
  const startedAt = performance.now();
  let done = 0;
  const worker = async (place: number) => {
    while (performance.now() < until) {
      await work(place);
      done++;
    }
  };
  await Promise.all(Array.from({ length: width }, (_, place) => worker(place)));
  return done / ((performance.now() - startedAt) / 1_000);
}

async function whoAmI(
  stack: Stack,
): Promise<{ readonly tenantId: string; readonly type: string; readonly id: string }> {
  const response = await fetch(`${stack.services.vault}/api/v1/vault/whoami`, {
    headers: { authorization: `Bearer ${stack.key}` },
  });
  if (!response.ok) throw new Error(`whoami: ${response.status}`);
  return (await response.json()) as Awaited<ReturnType<typeof whoAmI>>;
}
