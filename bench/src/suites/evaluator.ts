import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  compile,
  evaluate,
  LiveFacts,
  type PolicyRule,
  type Request,
  searchSubjects,
  type TenantFacts,
} from '@gatehouse/evaluator';
import { type AccessModel, accessModel, type Check, handWritten } from '../policy-model/access-model.js';
import { casbin } from '../policy-model/casbin.js';
import { cedarWasm } from '../policy-model/cedar-wasm.js';
import { gatehouse, pastAndLive, requestOf } from '../policy-model/gatehouse.js';
import { heldBytes, type Timed, type Timing, timeInTurns } from '../policy-model/timing.js';
import { type Row, ratioOf } from '../report.js';

const rounds = 15;
const limitMicros = 1;
const limitGrowth = 1.5;
const neededRatio = 50;

const micros = ({ p50, p99 }: Timing): string => `${p50.toFixed(3)} µs a decision (p99 ${p99.toFixed(3)})`;
const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

/** Texts of their own, as a parser gives them: a request shares no text with the facts. */
const asParsed = (requests: readonly Request[]): readonly Request[] =>
  requests.map((request) => JSON.parse(JSON.stringify(request)) as Request);

const cyclic =
  <T>(values: readonly T[], call: (value: T) => unknown) =>
  (i: number): unknown =>
    call(values[i % values.length] as T);

/** One model of who may what, decided by us, by a check written for it by hand, by casbin and by Cedar in WASM. */
export async function evaluator(): Promise<readonly Row[]> {
  // Memory can be read only after what is not needed any more was collected.
  setFlagsFromString('--expose-gc');
  globalThis.gc = runInNewContext('gc');
  return [...(await peers()), ...rules(), ...growth(), ...asOf(), ...(await memory())];
}

async function peers(): Promise<readonly Row[]> {
  const model = accessModel(1);
  const byHand = handWritten(model);
  const ours = await heldBytes(() => gatehouse(model));
  const theirs = await heldBytes(() => casbin(model));
  const wasm = await heldBytes(() => cedarWasm(model, 'bench'));
  const requests = asParsed(model.checks.map((check) => requestOf(model, check)));
  mustAgree(model, requests, ours.made.decide, [byHand, theirs.made, wasm.made]);
  const of = (expected: boolean) => requests.filter((_, i) => model.checks[i]?.expected === expected);
  const { decide } = ours.made;
  const fast = { batch: 1_000, batches: 30 };
  const slow = { batch: 20, batches: 30 };
  const found = timeInTurns(
    [
      { name: 'by hand', call: cyclic(model.checks, byHand), ...fast },
      { name: 'gatehouse', call: cyclic(requests, decide), ...fast },
      { name: 'permits', call: cyclic(of(true), decide), ...fast },
      { name: 'denials', call: cyclic(of(false), decide), ...fast },
      { name: 'casbin', call: cyclic(model.checks, theirs.made), ...slow },
      { name: 'cedar-wasm', call: cyclic(model.checks, wasm.made), ...slow },
    ],
    rounds,
  );
  const p50 = (name: string) => found.get(name)?.p50 ?? 0;
  const row = (name: string, timing: string, bytes: number): Row => ({
    name,
    value: `${micros(found.get(timing) ?? { p50: 0, p99: 0 })}, ${mib(bytes)}`,
  });
  const best = Math.min(p50('casbin'), p50('cedar-wasm'));
  return [
    row('a check by hand', 'by hand', 0),
    {
      ...row('gatehouse', 'gatehouse', ours.bytes),
      ratio: ratioOf(p50('gatehouse'), p50('by hand')),
      against: 'by hand',
    },
    { name: 'gatehouse, limit', value: `${limitMicros} µs: ${p50('gatehouse') <= limitMicros ? 'kept' : 'MISSED'}` },
    {
      ...row('gatehouse, denials', 'denials', ours.bytes),
      ratio: ratioOf(p50('denials'), p50('permits')),
      against: 'permits',
    },
    row('casbin, sync', 'casbin', theirs.bytes),
    row('cedar-wasm, policies parsed before', 'cedar-wasm', wasm.bytes),
    {
      name: 'times faster than the best of the two',
      value: `${(best / p50('gatehouse')).toFixed(0)} (limit ${neededRatio})`,
    },
  ];
}

function mustAgree(
  model: AccessModel,
  requests: readonly Request[],
  decide: (request: Request) => boolean,
  others: readonly ((check: Check) => boolean)[],
): void {
  for (const [i, check] of model.checks.entries()) {
    const request = requests[i];
    const answers = [request && decide(request), ...others.map((other) => other(check))];
    if (answers.some((answer) => answer !== check.expected))
      throw new Error(`check ${i} should be ${check.expected}: ${answers.join(' ')}`);
  }
}

const selector = (i: number): PolicyRule => ({
  type: 'selector',
  id: `rule-${i}`,
  effect: 'permit',
  who: { users: [`somebody-${i}`] },
  actions: ['document.*'],
  what: { types: ['document'], labels: { team: `t${i}` } },
});

/** What rules of a tenant's own document cost those whom they do not concern, and a tenant without any. */
function rules(): readonly Row[] {
  const model = accessModel(1);
  const requests = asParsed(model.checks.map((check) => requestOf(model, check)));
  const many = Array.from({ length: 1_000 }, (_, i) => selector(i));
  const timed = [
    ['no rules', gatehouse(model)],
    ['1 rule', gatehouse(model, { rules: many.slice(0, 1) })],
    ['1,000 rules', gatehouse(model, { rules: many })],
  ] as const;
  const found = timeInTurns(
    timed.map(([name, { decide }]): Timed => ({ name, call: cyclic(requests, decide), batch: 1_000, batches: 30 })),
    rounds,
  );
  const p50 = (name: string) => found.get(name)?.p50 ?? 0;
  return timed.slice(1).map(([name]) => ({
    name: `beside ${name} of other people`,
    value: micros(found.get(name) ?? { p50: 0, p99: 0 }),
    ratio: ratioOf(p50(name), p50('no rules')),
    against: 'no rules',
  }));
}

const scales = [1, 10, 100] as const;

/**
 * The same 10,000 questions with more and more facts around them, and as many questions spread over all facts: the second
 * is a measure of the processor's caches, which the check by hand pays, too.
 */
function growth(): readonly Row[] {
  const small = accessModel(1);
  const sameQuestions = asParsed(small.checks.map((check) => requestOf(small, check)));
  const models = scales.map((scale) => ({ scale, model: accessModel(scale) }));
  const kinds: Readonly<Record<string, (model: AccessModel) => Timed['call']>> = {
    'same questions': (model) => cyclic(sameQuestions, gatehouse(around(small, model)).decide),
    'spread questions': (model) =>
      cyclic(asParsed(model.checks.map((check) => requestOf(model, check))), gatehouse(model).decide),
    'spread questions, by hand': (model) => cyclic(model.checks, handWritten(model)),
  };
  return Object.entries(kinds).flatMap(([kind, callOf]) => {
    const timed = models.map(({ scale, model }) => ({
      name: `${scale}`,
      call: callOf(model),
      batch: 1_000,
      batches: 30,
    }));
    const found = timeInTurns(timed, rounds);
    const first = found.get('1')?.p50 ?? 0;
    return [...found].map(([scale, timing]) => ({
      name: `${kind}, ${scale} x the facts`,
      value: micros(timing) + (kind === 'same questions' ? ` (limit ${limitGrowth} x)` : ''),
      ratio: ratioOf(timing.p50, first),
      against: '1 x',
    }));
  });
}

/** The users and documents of one model, and those of another beside them. */
const around = (small: AccessModel, large: AccessModel): AccessModel => ({
  ...large,
  users: [...small.users, ...large.users.slice(small.users.length)],
  resources: [...small.resources, ...large.resources.slice(small.resources.length)],
});

const limitAsOf = 5;

/** The same questions about a moment of the past and about now. */
function asOf(): readonly Row[] {
  const model = accessModel(1);
  const { policy } = gatehouse(model);
  const { past, live } = pastAndLive(model);
  const requests = asParsed(model.checks.map((check) => requestOf(model, check)));
  const decide = (facts: TenantFacts) => (request: Request) => evaluate(policy, facts, request, 0).decision;
  const find = (facts: TenantFacts) => (request: Request) =>
    searchSubjects(policy, facts, { type: 'user', action: request.action, resource: request.resource }, 0);
  if (requests.some((request) => decide(past)(request) !== decide(live)(request))) throw new Error('the past differs');
  const kinds = { decision: [decide, 1_000], 'who-can search': [find, 20] } as const;
  return Object.entries(kinds).map(([kind, [ask, batch]]) => {
    const timed = { past, live };
    const found = timeInTurns(
      Object.entries(timed).map(([name, facts]) => ({ name, call: cyclic(requests, ask(facts)), batch, batches: 30 })),
      rounds,
    );
    const p50 = (name: string) => found.get(name)?.p50 ?? 0;
    return {
      name: `${kind} about the past`,
      value: `${p50('past').toFixed(3)} µs, now ${p50('live').toFixed(3)} µs (limit ${limitAsOf} x)`,
      ratio: ratioOf(p50('past'), p50('live')),
      against: 'now',
    };
  });
}

const manyFacts = 1_000_000;

/** A million grants of 200,000 people on 100,000 documents, as they come out of events: no two share a text. */
async function memory(): Promise<readonly Row[]> {
  const began = process.hrtime.bigint();
  const { made, bytes } = await heldBytes(() => {
    const facts = new LiveFacts();
    for (let i = 0; i < manyFacts; i++) {
      const grant = {
        id: `grant-${i.toString().padStart(16, '0')}`,
        subject: { type: 'user', id: `user-${i % 200_000}` },
        role: 'viewer',
        scope: { type: 'document', id: `document-${(i * 7) % 100_000}` },
      };
      facts.apply('acme', JSON.parse(JSON.stringify({ kind: 'granted', grant })));
    }
    return facts;
  });
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const request = {
    subject: { type: 'user', id: 'user-7' },
    action: { name: 'logs.read' },
    resource: { type: 'document', id: 'document-49' },
  };
  if (!evaluate(compile({ digest: 'bench' }), made.tenant('acme'), request, 0).decision) throw new Error('it is known');
  return [
    {
      name: `${made.size.toLocaleString('en-US')} grants in memory`,
      value: `${mib(bytes)}, ${Math.round(bytes / manyFacts)} bytes each, taken in ${seconds.toFixed(1)} s`,
    },
  ];
}
