import { type Row, rate } from '../report.js';
import type { Stack } from '../stack.js';

const users = 200;
const batchSize = 200;
const actions = ['logs.read', 'deploy.preview', 'deploy.production', 'secret.list', 'report.read'];
const roles = ['viewer', 'user', 'developer', 'maintainer'];

const policy = {
  rules: [
    {
      id: 'reports',
      type: 'selector',
      effect: 'permit',
      actions: ['report.read'],
      who: { anyone: true },
      when: { 'context.mfa': true },
    },
  ],
};
const noPreview = {
  id: 'no-preview',
  type: 'selector',
  effect: 'forbid',
  actions: ['deploy.preview'],
  who: { anyone: true },
};

interface Side {
  readonly total: number;
}
interface Simulation {
  readonly status: string;
  readonly progress: { readonly done: number };
  readonly decisionsPerSecond: number;
  readonly result: {
    readonly decisions: number;
    readonly newlyAllowed: Side;
    readonly newlyDenied: Side;
    readonly undecidable: Side;
  };
}

/**
 * Decisions that the service made and recorded itself, with grants that come and go and a version that becomes active meanwhile,
 * replayed: what was active must give no difference, one known change exactly what it changes.
 */
export async function replay(stack: Stack, decisions: number): Promise<readonly Row[]> {
  const { call, grantTo, revoke } = client(stack);
  const from = new Date(Date.now() - 60_000).toISOString();
  const grants: string[] = [];
  for (let n = 0; n < users; n += 1) grants.push(await grantTo(`u${n}`, roles[n % roles.length] as string));
  const rounds = Math.ceil(decisions / batchSize);
  let previews = 0;
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    if (round === Math.floor(rounds / 3)) await activate(call);
    // Facts change all the time: each decision has to be asked again with those of its moment.
    if (round % 10 === 5) await revoke(grants[round % users] as string);
    if (round % 10 === 9)
      grants[(round - 4) % users] = await grantTo(`u${(round - 4) % users}`, roles[round % 4] as string);
    previews += await ask(call, round);
  }
  const madeMs = performance.now() - startedAt;
  const same = await simulated(call, { candidate: 'active', from });
  const { result } = same;
  expectEqual(
    [result.newlyAllowed.total, result.newlyDenied.total, result.undecidable.total],
    [0, 0, 0],
    'differences',
  );
  if (result.decisions < rounds * batchSize) throw new Error(`only ${result.decisions} decisions were replayed`);
  const changed = await simulated(call, { candidate: { document: { rules: [...policy.rules, noPreview] } }, from });
  expectEqual(changed.result.newlyDenied.total, previews, 'previews newly denied');
  const beside = await besideReplay(call, from);
  return [
    {
      name: `decisions made and recorded, in batches of ${batchSize}`,
      value: rate((rounds * batchSize) / (madeMs / 1_000)),
    },
    { name: `replay of ${result.decisions} decisions, as they were`, value: rate(same.decisionsPerSecond) },
    { name: 'differences of what was active', value: '0' },
    { name: 'replay under a candidate with one change', value: rate(changed.decisionsPerSecond) },
    { name: 'newly denied, as many as were asked and permitted', value: String(previews) },
    { name: 'one durable decision at a time, alone', value: beside.alone },
    { name: 'one durable decision at a time, while a replay runs', value: beside.during },
  ];
}

type Call = <T>(path: string, body?: object) => Promise<T>;

function client({ services, key }: Stack) {
  const request = async <T>(path: string, method: string, body?: object): Promise<T> => {
    const headers = { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(`${services.policy}${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const call: Call = (path, body) => request(path, body ? 'POST' : 'GET', body);
  return {
    call,
    grantTo: async (id: string, role: string) => {
      const body = { subject: { type: 'user', id }, role, scope: '*' };
      return (await call<{ grantId: string }>('/api/v1/policy/grants', body)).grantId;
    },
    revoke: (grantId: string) => request<object>(`/api/v1/policy/grants/${grantId}`, 'DELETE'),
  };
}

async function activate(call: Call): Promise<void> {
  const { digest } = await call<{ digest: string }>('/api/v1/policy/versions', { document: policy });
  await call(`/api/v1/policy/versions/${digest}/activate`, { reason: 'to be replayed' });
}

/** One batch; answers how many previews were permitted. */
async function ask(call: Call, round: number): Promise<number> {
  const evaluations = Array.from({ length: batchSize }, (_, n) => ({
    subject: { type: 'user', id: `u${(round * 7 + n * 3) % users}` },
    action: { name: actions[(round + n) % actions.length] },
    resource: { type: 'project', id: `p${n % 50}` },
    context: { mfa: n % 2 === 0 },
  }));
  const answer = await call<{ evaluations: { decision: boolean }[] }>('/access/v1/evaluations', { evaluations });
  const isPreview = (n: number) => evaluations[n]?.action.name === 'deploy.preview';
  return answer.evaluations.filter(({ decision }, n) => decision && isPreview(n)).length;
}

async function simulated(call: Call, body: object): Promise<Simulation> {
  const { simulationId } = await call<{ simulationId: string }>('/api/v1/policy/simulations', body);
  for (;;) {
    const simulation = await call<Simulation>(`/api/v1/policy/simulations/${simulationId}`);
    if (simulation.status === 'done') return simulation;
    if (simulation.status !== 'running') throw new Error(`the replay is ${simulation.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What a caller feels of a replay: the two share a process. */
async function besideReplay(call: Call, from: string): Promise<{ alone: string; during: string }> {
  const question = {
    subject: { type: 'user', id: 'u1' },
    action: { name: 'logs.read' },
    resource: { type: 'project', id: 'p1' },
  };
  const latencies = async (until: () => boolean): Promise<string> => {
    const found: number[] = [];
    while (!until()) {
      const at = performance.now();
      await call('/access/v1/evaluation', question);
      found.push(performance.now() - at);
    }
    found.sort((a, b) => a - b);
    const at = (share: number) => (found[Math.floor(found.length * share)] ?? 0).toFixed(1);
    return `p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  (${found.length})`;
  };
  const end = performance.now() + 2_000;
  const alone = await latencies(() => performance.now() > end);
  let isOver = false;
  const running = simulated(call, { candidate: 'active', from }).finally(() => {
    isOver = true;
  });
  const during = await latencies(() => isOver);
  await running;
  return { alone, during };
}

function expectEqual(found: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(found) === JSON.stringify(expected)) return;
  throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}
