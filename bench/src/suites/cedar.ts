import type * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import {
  type CompiledPolicy,
  compile,
  evaluate,
  type LiveFacts,
  type PolicyRule,
  type Request,
} from '@gatehouse/evaluator';
import { median } from '../load.js';
import { accessModel } from '../policy-model/access-model.js';
import { hundredPolicies } from '../policy-model/cedar-text.js';
import { documentOf, factsOf, requestOf } from '../policy-model/gatehouse.js';
import { type Row, ratioOf } from '../report.js';

const tenantId = 'acme';
const nowMs = 1_763_803_800_000;
const rounds = 7;

const micros = (value: number): string => `${value.toFixed(2)} us`;

/** Microseconds for one call, over all requests. */
function timed(requests: readonly Request[], decide: (request: Request) => unknown): number {
  const startedAt = performance.now();
  for (const request of requests) decide(request);
  return ((performance.now() - startedAt) * 1_000) / requests.length;
}

interface Contender {
  readonly name: string;
  readonly requests: readonly Request[];
  readonly decide: (request: Request) => unknown;
}

/** In turns, so that a slow minute hits all alike. */
function inTurns(contenders: readonly Contender[]): number[] {
  const times = contenders.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { requests, decide }] of contenders.entries()) times[i]?.push(timed(requests, decide));
  }
  return times.map((each) => median(each));
}

/** What the engine is handed for one request: principal and resource as they are described, and nothing else. */
function callOf(facts: LiveFacts, request: Request): cedar.StatefulAuthorizationCall {
  const tenant = facts.tenant(tenantId);
  const describe = ({ type, id }: Request['subject'], parents: cedar.EntityUidJson[]) => ({
    uid: { type, id },
    attrs: { id, type, labels: {}, ...(tenant.entity({ type, id })?.properties as Record<string, string> | undefined) },
    parents,
  });
  const roles = tenant.covering(request.subject, request.resource).map(({ role }) => ({ type: 'role', id: role }));
  const { subject, resource, action } = request;
  return {
    principal: { type: subject.type, id: subject.id },
    action: { type: 'Action', id: action.name },
    resource: { type: resource.type, id: resource.id },
    context: {
      ...(request.context as Record<string, string>),
      action: { name: action.name },
      now: { __extn: { fn: 'datetime', arg: new Date(nowMs).toISOString() } },
    },
    preparsedPolicySetId: 'bench',
    entities: [describe(subject, roles), describe(resource, [])],
  };
}

function engineAllows(engine: typeof cedar, facts: LiveFacts, request: Request): boolean {
  const answer = engine.statefulIsAuthorized(callOf(facts, request));
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
  return answer.response.decision === 'allow';
}

/** A tenant with a hundred Cedar policies beside Cedar's own engine, and a tenant without any beside one that has some for other actions. */
export async function cedarPolicies(): Promise<readonly Row[]> {
  const loadedAt = performance.now();
  const loaded = await import('@cedar-policy/cedar-wasm/nodejs');
  const loadMs = performance.now() - loadedAt;
  const model = accessModel(1);
  const facts = factsOf(model);
  const context = { ip: '10.1.2.3', risk: 40 };
  const requests = model.checks.slice(0, 2_000).map((check) => ({ ...requestOf(model, check), context }));
  const rule = (text: string): PolicyRule => ({ type: 'cedar', id: 'c', text });
  const text = hundredPolicies();
  const startedAt = performance.now();
  const withCedar = compile({ digest: 'cedar', document: { ...onlyNames(documentOf(model)), rules: [rule(text)] } });
  const compiledMs = performance.now() - startedAt;
  const without = compile({ digest: 'none', document: documentOf(model) });
  const elsewhere = compile({
    digest: 'elsewhere',
    document: {
      ...documentOf(model),
      rules: [rule(text.replaceAll('document.do', 'other.do').replace(/^forbid\(principal, action, .*$/gm, ''))],
    },
  });
  const prepared = loaded.preparsePolicySet('bench', { staticPolicies: text });
  if (prepared.type === 'failure') throw new Error(prepared.errors[0]?.message);
  const decide = (policy: CompiledPolicy) => (request: Request) =>
    evaluate(policy, facts.tenant(tenantId), request, nowMs).decision;
  const disagreeing = requests.filter((request) => decide(withCedar)(request) !== engineAllows(loaded, facts, request));
  if (disagreeing.length > 0) throw new Error(`${disagreeing.length} decisions differ from those of Cedar's engine`);
  const allowed = requests.filter(decide(withCedar)).length;
  const [ours = 0, engine = 0, none = 0, other = 0] = inTurns([
    { name: 'ours', requests, decide: decide(withCedar) },
    { name: 'engine', requests: requests.slice(0, 500), decide: (request) => engineAllows(loaded, facts, request) },
    { name: 'none', requests, decide: decide(without) },
    { name: 'elsewhere', requests, decide: decide(elsewhere) },
  ]);
  return [
    { name: 'same answers as the engine', value: `${requests.length} of ${requests.length}, ${allowed} allowed` },
    {
      name: 'loading the engine / reading and compiling 100 policies',
      value: `${loadMs.toFixed(0)} / ${compiledMs.toFixed(0)} ms`,
    },
    { name: 'Cedar’s engine, 100 policies, preparsed', value: micros(engine) },
    {
      name: 'decision, 100 Cedar policies',
      value: micros(ours),
      ratio: ratioOf(ours, engine),
      against: 'engine (target: at most 2)',
    },
    { name: 'decision, no Cedar policy', value: micros(none) },
    {
      name: 'decision, 90 Cedar policies for other actions',
      value: micros(other),
      ratio: ratioOf(other, none),
      against: 'no Cedar policy',
    },
  ];
}

/** Roles that permit nothing themselves: Cedar alone decides. */
const onlyNames = ({ roles = [] }: ReturnType<typeof documentOf>) => ({
  roles: roles.map((role) => ({ ...role, rules: role.rules.map((one) => ({ ...one, actions: ['nothing.at.all'] })) })),
});
