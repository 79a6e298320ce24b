import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type MemberRole, memberRoles } from '@gatehouse/contracts';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startRealPolicy } from './real-policy.fixture.js';
import { type Replica, type Stack, startStack } from './stack.fixture.js';
import { as, openPeople, type People, type TenancyAnswer, type TestPerson, untilKnown } from './tenancy.fixture.js';
import { type LoggedEvent, TenantAudit } from './tenancy-log.fixture.js';

/** The same seed gives the same world and the same operations: `TENANCY_SEED=... ` repeats a failure. */
const seed = Number(process.env.TENANCY_SEED ?? randomInt(2 ** 31));
const tenantCount = 20;
const personCount = 30;
const oneByOne = 260;
const atOnce = 120;

/** mulberry32: small, and good enough to choose what to do next. */
function generator(state: number): () => number {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
const random = generator(seed);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const chance = (share: number): boolean => random() < share;

interface World {
  readonly tenants: readonly string[];
  readonly people: readonly TestPerson[];
  /** What the operations made so far, in whatever tenant. */
  readonly teams: { readonly tenant: string; readonly id: string }[];
  readonly projects: { readonly tenant: string; readonly id: string }[];
  readonly invitations: { readonly tenant: string; readonly id: string; readonly email: string }[];
}

interface Operation {
  readonly kind: string;
  readonly who: TestPerson;
  /** The tenant that is chosen; absent: the caller's personal workspace. */
  readonly tenant?: string;
  readonly what: string;
  readonly body?: unknown;
  /** Tenants that it may change: the chosen one, unless it says so. */
  readonly changes?: readonly string[];
}

let stack: Stack;
let replica: Replica;
let people: People;
let policy: { stop(): Promise<void> };
let world: World;
let counter = 0;

/** Every name in a tenant holds the tenant's mark, so that an answer shows whose it is. */
const markOf = (tenant: string): string => tenant.slice(0, 12);
const markPattern = /mk[0-9a-f]{10}/g;
const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const hex = () =>
  Math.floor(random() * 2 ** 40)
    .toString(16)
    .padStart(10, '0');

beforeAll(async () => {
  stack = await startStack();
  await stack.bootstrap();
  people = await openPeople(stack);
  [policy, replica] = await Promise.all([startRealPolicy(stack), stack.serve({ LOG_LEVEL: 'info' })]);
  const crowd = await Promise.all(
    Array.from({ length: personCount }, (_, i) => people.person(`someone${i}@people.localhost`, `Someone ${i}`)),
  );
  const tenants = Array.from({ length: tenantCount }, () => `mk${hex()}`);
  for (const tenant of tenants) {
    const members = new Map<TestPerson, MemberRole>([[pick(crowd), 'owner']]);
    for (const role of memberRoles) if (chance(0.6)) members.set(pick(crowd), members.size === 1 ? 'admin' : role);
    const [[owner] = []] = [...members];
    if (owner) members.set(owner, 'owner');
    await people.organization(tenant, `Tenant ${tenant}`, [...members]);
  }
  world = { tenants, people: crowd, teams: [], projects: [], invitations: [] };
  await Promise.all(crowd.map((person) => untilKnown(replica, person)));
});

afterAll(async () => {
  await people?.close();
  await policy?.stop();
  await stack?.stop();
});

/** Everything identity holds of each tenant, as one hash. */
async function states(): Promise<ReadonlyMap<string, string>> {
  const tables = ['tenants', 'members', 'invitations', 'teams', 'team_members', 'projects', 'project_environments'];
  const rows = [...tables, 'project_roles', 'keys', 'mail_queue', 'events']
    .map((table) => `select tenant_id, to_jsonb(t)::text as row from identity.${table} t`)
    .join(' union all ');
  const hashes = await stack.superuser<{ tenant_id: string; hash: string }>(
    `select tenant_id, md5(string_agg(row, '|' order by row)) as hash from (${rows}) r group by tenant_id`,
  );
  return new Map(hashes.map(({ tenant_id, hash }) => [tenant_id, hash]));
}

/** Who is or was in which tenant, and how often the log says that each joined. */
async function memberships() {
  const rows = await stack.superuser<{
    tenant_id: string;
    user_id: string;
    role: MemberRole;
    status: string;
    joined: number;
  }>(
    `select m.tenant_id, m.user_id, m.role, m.status,
       (select count(*)::int from identity.events e where e.tenant_id = m.tenant_id
          and e.stream_id = 'member:' || m.user_id and e.type = 'member.added') as joined
     from identity.members m`,
  );
  const ever = (tenant: string) => rows.filter(({ tenant_id }) => tenant_id === tenant).map(({ user_id }) => user_id);
  const role = (tenant: string, userId: string) =>
    rows.find((row) => row.tenant_id === tenant && row.user_id === userId && row.status === 'active')?.role;
  const of = (userId: string) =>
    rows.filter((row) => row.user_id === userId && row.status === 'active').map(({ tenant_id }) => tenant_id);
  const joined = (tenant: string, userId: string) =>
    rows.find((row) => row.tenant_id === tenant && row.user_id === userId)?.joined ?? 0;
  return { ever, role, of, joined };
}
type Memberships = Awaited<ReturnType<typeof memberships>>;

/** One thing of the chosen tenant, or, as an attacker would try, of another. */
function thingOf(list: readonly { readonly tenant: string; readonly id: string }[], tenant: string): string {
  const own = list.filter((each) => each.tenant === tenant);
  const among = own.length > 0 && chance(0.75) ? own : list;
  return among.length > 0 ? pick(among).id : 'nothing';
}

/** A member of the chosen tenant, or anybody. */
function personIn(tenant: string, known: Memberships): string {
  const members = known.ever(tenant);
  return members.length > 0 && chance(0.8) ? pick(members) : pick(world.people).userId;
}

const role = (): MemberRole => pick(memberRoles);
const name = (tenant: string): string => `${markOf(tenant)} ${++counter}`;
const newId = (tenant: string): string => `${markOf(tenant)}-${++counter}`;

type Make = (tenant: string, known: Memberships, who: TestPerson) => Omit<Operation, 'kind' | 'who' | 'tenant'>;

/** What members do, and what nobody should be able to. */
const kinds: Readonly<Record<string, Make>> = {
  tenant: () => ({ what: 'GET /tenant' }),
  members: () => ({ what: 'GET /members' }),
  teams: () => ({ what: 'GET /teams' }),
  team: (t) => ({ what: `GET /teams/${thingOf(world.teams, t)}` }),
  team_members: (t) => ({ what: `GET /teams/${thingOf(world.teams, t)}/members` }),
  projects: () => ({ what: 'GET /projects' }),
  project: (t) => ({ what: `GET /projects/${thingOf(world.projects, t)}` }),
  project_roles: (t) => ({ what: `GET /projects/${thingOf(world.projects, t)}/roles` }),
  invitations: () => ({ what: 'GET /invitations' }),
  rename: (t) => ({ what: 'PATCH /tenant', body: { name: name(t) } }),
  invite: (t, known) => {
    const person = world.people.find(({ userId }) => userId === personIn(t, known));
    const email = chance(0.8) ? (person ?? pick(world.people)).email : `${newId(t)}@${markOf(t)}.localhost`;
    const teamIds = chance(0.3) ? [thingOf(world.teams, t)] : [];
    return { what: 'POST /invitations', body: { email, role: role(), teamIds } };
  },
  revoke_invitation: (t) => ({ what: `POST /invitations/${invitationIn(t)}/revoke` }),
  resend: (t) => ({ what: `POST /invitations/${invitationIn(t)}/resend` }),
  change_role: (t, known) => ({ what: `PATCH /members/${personIn(t, known)}`, body: { role: role() } }),
  remove: (t, known) => ({ what: `DELETE /members/${personIn(t, known)}` }),
  leave: () => ({ what: 'POST /members/leave' }),
  transfer: (t, known) => ({ what: 'POST /tenant/transfer', body: { to: personIn(t, known) } }),
  create_team: (t) => ({ what: 'POST /teams', body: { id: newId(t), name: name(t) } }),
  rename_team: (t) => ({ what: `PATCH /teams/${thingOf(world.teams, t)}`, body: { name: name(t) } }),
  delete_team: (t) => ({ what: `DELETE /teams/${thingOf(world.teams, t)}` }),
  join_team: (t, known, who) => ({
    what: `POST /teams/${thingOf(world.teams, t)}/members`,
    body: { userId: chance(0.5) ? who.userId : personIn(t, known) },
  }),
  leave_team: (t, known) => ({ what: `DELETE /teams/${thingOf(world.teams, t)}/members/${personIn(t, known)}` }),
  create_project: (t) => ({ what: 'POST /projects', body: { id: newId(t), name: name(t) } }),
  delete_project: (t) => ({ what: `DELETE /projects/${thingOf(world.projects, t)}` }),
  environment: (t) => ({
    what: `POST /projects/${thingOf(world.projects, t)}/environments`,
    body: { environment: newId(t) },
  }),
  grant: (t, known, who) => {
    const user = { type: 'user', id: chance(0.5) ? who.userId : personIn(t, known) };
    const subject = chance(0.5) ? user : { type: 'team', id: thingOf(world.teams, t) };
    return { what: `POST /projects/${thingOf(world.projects, t)}/roles`, body: { subject, role: role() } };
  },
  revoke: (t, known) => ({
    what: `DELETE /projects/${thingOf(world.projects, t)}/roles/user/${personIn(t, known)}`,
  }),
  close: () => (chance(0.05) ? { what: 'POST /tenant/close', body: {} } : { what: 'GET /tenant' }),
};

/** The more often one is named here, the more often it is done. */
const busy = ['invite', 'invite', 'change_role', 'create_team', 'create_project', 'join_team', 'grant', 'grant'];

const invitationIn = (tenant: string): string => {
  const id = thingOf(world.invitations, tenant);
  return id === 'nothing' ? '0190a1b2-0000-7000-8000-00000000000f' : id;
};

async function nextOperation(known: Memberships): Promise<Operation> {
  if (chance(0.12)) {
    const operation = await acceptance();
    if (operation) return operation;
  }
  if (chance(0.05)) return { kind: 'tenants', who: pick(world.people), what: 'GET /tenants', changes: [] };
  // Some tenants are busier than others, so that there is something to take there; every sixth caller is anybody.
  const tenant = pick(chance(0.7) ? world.tenants.slice(0, 5) : world.tenants);
  const members = world.people.filter(({ userId }) => known.role(tenant, userId) !== undefined);
  const high = members.filter(({ userId }) => ['owner', 'admin'].includes(known.role(tenant, userId) ?? ''));
  const among = high.length > 0 && chance(0.6) ? high : members;
  const who = pick(among.length > 0 && chance(0.85) ? among : world.people);
  const kind = pick([...Object.keys(kinds), ...busy]);
  const make = kinds[kind] as Make;
  return { kind, who, tenant, ...make(tenant, known, who) };
}

/** A link that somebody was sent, mostly used by that person. */
async function acceptance(): Promise<Operation | undefined> {
  const addressees = new Set(world.people.map(({ email }) => email));
  const sent = world.invitations.filter(({ email }) => addressees.has(email));
  if (sent.length === 0) return undefined;
  const { email, tenant } = pick(sent.slice(-6));
  const addressee = world.people.find((person) => person.email === email) ?? pick(world.people);
  const who = chance(0.85) ? addressee : pick(world.people);
  const token = await people.linkTo(email);
  // The last link of the address, which another tenant may have sent meanwhile: any tenant that invited it may change.
  const changes = sent.filter((each) => each.email === email).map((each) => each.tenant);
  return { kind: 'accept', who, what: 'POST /invitations/accept', body: { token }, changes: [...changes, tenant] };
}

function remember({ kind, tenant = '', body }: Operation, { status, body: answer }: TenancyAnswer): void {
  if (status !== 201) return;
  if (kind === 'create_team') world.teams.push({ tenant, id: (body as { id: string }).id });
  if (kind === 'create_project') world.projects.push({ tenant, id: (body as { id: string }).id });
  const { email } = body as { email?: string };
  if (kind === 'invite' && email) world.invitations.push({ tenant, id: answer.invitationId, email });
}

/** Where somebody was a member at any moment between two looks, also one who joined and left between them. */
const ofBetween = (userId: string, before: Memberships, after: Memberships): readonly string[] => [
  ...before.of(userId),
  ...world.tenants.filter((tenant) => after.joined(tenant, userId) > before.joined(tenant, userId)),
];

/**
 * Who is in no team stays in none, whoever that is: the answer repeats the question, whether it asks for a member, a
 * stranger or nobody. Word for word that, and nothing else, shows no one.
 */
function repeatsTheQuestion({ kind, what }: Operation, { body }: TenancyAnswer): boolean {
  const [, teamId, userId] = /^DELETE \/teams\/([^/]+)\/members\/([^/]+)$/.exec(what) ?? [];
  return kind === 'leave_team' && isDeepStrictEqual(body, { teamId, userId, isMember: false });
}

/** What an answer shows of tenants and people that the caller has nothing to do with. */
function leaksOf(operation: Operation, answer: TenancyAnswer, known: Memberships, after: Memberships): string[] {
  const { who, tenant, kind } = operation;
  const text = `${JSON.stringify(answer.body)}${answer.headers.get('location') ?? ''}`;
  const succeeded = answer.status < 300;
  const across = kind === 'tenants' || kind === 'accept';
  const seen = ofBetween(who.userId, known, after);
  const shown = new Set(succeeded ? (across ? seen : [tenant ?? who.home]) : []);
  const marks = (text.match(markPattern) ?? []).filter((mark) => ![...shown].some((each) => each.startsWith(mark)));
  const mayKnow = new Set([who.userId, ...[...shown].flatMap((each) => [...known.ever(each), ...after.ever(each)])]);
  const strangers = (text.match(uuidPattern) ?? []).filter(
    (id) => world.people.some(({ userId }) => userId === id) && !mayKnow.has(id),
  );
  return [...marks, ...(repeatsTheQuestion(operation, answer) ? [] : strangers)];
}

const describeOf = ({ kind, who, tenant, what, body }: Operation, status: number): string =>
  `${status} ${kind}: ${who.userId} in ${tenant ?? 'home'}: ${what} ${JSON.stringify(body ?? '')}`;

const perform = ({ who, tenant, what, body }: Operation) => as(replica, who, tenant, what, body);

describe(`random operations by random members of ${tenantCount} tenants (seed ${seed})`, () => {
  const outcomes: number[] = [];
  const done: string[] = [];
  const problems: string[] = [];
  const report = () =>
    expect({ seed, problems, last: problems.length > 0 ? done.slice(-5) : [] }).toEqual({
      seed,
      problems: [],
      last: [],
    });

  it('one at a time, reveal nothing of another tenant and change nothing in it', async () => {
    let before = await states();
    let known = await memberships();
    for (let i = 0; i < oneByOne && problems.length === 0; i++) {
      const operation = await nextOperation(known);
      const answer = await perform(operation);
      const [after, knownAfter] = [await states(), await memberships()];
      const { tenant, who, changes = [tenant ?? who.home] } = operation;
      done.push(describeOf(operation, answer.status));
      outcomes.push(answer.status);
      remember(operation, answer);
      if (answer.status >= 500) problems.push('it failed');
      const outsider = tenant !== undefined && known.role(tenant, who.userId) === undefined;
      if (outsider && answer.status < 300) problems.push('an outsider was let in');
      const mayChange = answer.status < 300 ? changes : [];
      for (const [each, hash] of after)
        if (before.get(each) !== hash && !mayChange.includes(each)) problems.push(`${each} changed`);
      problems.push(
        ...leaksOf(operation, answer, known, knownAfter).map((leak) => `${leak} was shown by ${done.at(-1)}`),
      );
      [before, known] = [after, knownAfter];
    }
    report();
  });

  it('at the same time, reveal nothing of another tenant', async () => {
    for (let i = 0; i < atOnce && problems.length === 0; i += 8) {
      const known = await memberships();
      const batch: Operation[] = [];
      for (let n = 0; n < 8; n++) batch.push(await nextOperation(known));
      const answers = await Promise.all(batch.map(perform));
      const after = await memberships();
      for (const [n, operation] of batch.entries()) {
        const answer = answers[n] as TenancyAnswer;
        done.push(describeOf(operation, answer.status));
        outcomes.push(answer.status);
        remember(operation, answer);
        if (answer.status >= 500) problems.push('it failed');
        problems.push(...leaksOf(operation, answer, known, after).map((leak) => `${leak} was shown by ${done.at(-1)}`));
      }
    }
    report();
  });

  it('never raise anyone above whoever gave it, nor leave a tenant without an owner: the log says so', async () => {
    const audits = new Map<string, TenantAudit>();
    const rows = await stack.superuser<{ tenant_id: string; envelope: string }>(
      'select tenant_id, envelope from identity.events order by tx, seq',
    );
    for (const { tenant_id, envelope } of rows) {
      const audit = audits.get(tenant_id) ?? new TenantAudit();
      audits.set(tenant_id, audit);
      audit.read(JSON.parse(envelope) as LoggedEvent);
    }
    problems.push(...[...audits.values()].flatMap((audit) => audit.finish()));
    report();
  });

  it('were worth it: much was done and much refused', () => {
    const succeeded = outcomes.filter((status) => status < 300).length;
    expect({ seed, done: outcomes.length }).toEqual({ seed, done: oneByOne + atOnce });
    expect(succeeded).toBeGreaterThan(outcomes.length / 4);
    expect(outcomes.length - succeeded).toBeGreaterThan(outcomes.length / 6);
  });
});
