import { tokenAudience } from '@gatehouse/authn';
import type { MemberRole, SealedField } from '@gatehouse/contracts';
import { loadKeyFile, loadRootKey, uuidv7 } from '@gatehouse/crypto';
import { handle, PostgresEventStore } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import { waitFor } from '@gatehouse/testing';
import pg from 'pg';
import { keyListProjection } from '../src/key/key-list/key-list.projection.js';
import { emailIndex, peopleProjection } from '../src/person/people.projection.js';
import { personalTenantId } from '../src/person/people.service.js';
import { SigningKeys } from '../src/signing-key/signing-keys.service.js';
import { InvitationAddresses } from '../src/tenancy/invitation/invitation-addresses.service.js';
import { invitationsProjection } from '../src/tenancy/invitation/invitations.projection.js';
import { addMember } from '../src/tenancy/member/membership.service.js';
import { type Departure, removeEverywhere } from '../src/tenancy/member/remove-everywhere.service.js';
import { Memberships } from '../src/tenancy/memberships.service.js';
import { createOrganization, createPersonalWorkspace } from '../src/tenancy/organization/new-tenant.service.js';
import { tenantsProjection } from '../src/tenancy/organization/tenants.projection.js';
import { projectsProjection } from '../src/tenancy/project/projects.projection.js';
import { teamsProjection } from '../src/tenancy/team/teams.projection.js';
import { registerUser } from '../src/user/register-user/register-user.js';
import { openSealed, SubjectKeys } from '../src/user/subject-keys.service.js';
import { userDecider, userStream } from '../src/user/user.js';
import { api } from './api.fixture.js';
import { type Stack } from './stack.fixture.js';

/** Somebody with a verified address, a personal workspace, and an access token for it. */
export interface TestPerson {
  readonly userId: string;
  readonly email: string;
  readonly home: string;
  readonly token: string;
}

export interface Letter {
  readonly to: string;
  readonly title: string;
  readonly text: string;
}

/** What a test needs of other areas: people who are signed in, and the letters they get. */
export interface People {
  person(email: string, name?: string): Promise<TestPerson>;
  /** An organization with its first members, made without HTTP: the first one is the owner. */
  organization(id: string, name: string, members: readonly (readonly [TestPerson, MemberRole])[]): Promise<void>;
  /** What an erasure does with somebody's memberships. */
  removeEverywhere(userId: string): Promise<Departure>;
  readonly addresses: InvitationAddresses;
  /** The letters to an address, oldest first. */
  lettersTo(email: string): Promise<readonly Letter[]>;
  /** The token in the last letter to an address. */
  linkTo(email: string): Promise<string>;
  indexOf(email: string): string;
  close(): Promise<void>;
}

const issuer = 'https://localhost';

/** Before the service starts: it then finds the signing key that tokens of these people are signed with. */
export async function openPeople(stack: Stack): Promise<People> {
  const env = stack.env() as Record<string, string>;
  const root = loadRootKey(env.ROOT_KEY_FILE ?? '');
  const pepper = loadKeyFile(env.PEPPER_FILE ?? '');
  const pool = new pg.Pool({ connectionString: env.DATABASE_URL ?? '', max: 4 });
  const system = new pg.Pool({ connectionString: env.DATABASE_SYSTEM_URL ?? '', max: 2 });
  const secrets = { root, pepper };
  const projections = [
    ...[peopleProjection(secrets), keyListProjection, tenantsProjection, invitationsProjection(secrets)],
    ...[teamsProjection, projectsProjection],
  ];
  const inline = projections.map((each) => asInline(each, 'identity'));
  const store = new PostgresEventStore({ service: 'identity', pool, inline });
  const subjectKeys = new SubjectKeys(pool, root);
  const signingKeys = new SigningKeys({ pool: system, root, algorithm: 'ES256', onError: () => undefined });
  await signingKeys.refresh(Date.now());

  async function person(email: string, name = 'Somebody'): Promise<TestPerson> {
    const now = Date.now();
    const userId = uuidv7(now);
    const home = personalTenantId(userId);
    const seal = await subjectKeys.sealerFor(home, userId);
    const command = { userId, email: seal('email', email), name: seal('name', name) };
    const context = { tenantId: home, actor: { type: 'user', id: userId }, now, correlationId: 'test' };
    await store.together(home, async (log) => {
      const decide = (user: Parameters<typeof registerUser>[1]) => registerUser(command, user);
      await handle(log, userDecider, { streamId: userStream(userId), context, decide });
      await createPersonalWorkspace(log, context, { userId });
    });
    const claims = { iss: issuer, aud: tokenAudience, sub: userId, tenant: home, amr: ['pwd'], jti: uuidv7(now) };
    const token = await signingKeys.sign(claims, { typ: 'at+jwt', lifetimeSeconds: 3_600, nowMs: now });
    return { userId, email, home, token };
  }

  async function lettersTo(email: string): Promise<readonly Letter[]> {
    const rows = await stack.superuser<{ tenant_id: string; letter: SealedField }>(
      'select tenant_id, letter from identity.mail_queue where letter is not null order by id',
    );
    const opened = rows.map(async ({ tenant_id, letter }) =>
      JSON.parse((await openSealed(root, system, tenant_id, 'letter', letter)) ?? '{}'),
    );
    return ((await Promise.all(opened)) as Letter[]).filter(({ to }) => to === email);
  }

  return {
    person,
    async organization(id, name, members) {
      const [[{ userId: ownerId }] = [{ userId: '' }], ...others] = members;
      const actor = { type: 'gatehouse', id: 'identity' };
      const context = { tenantId: id, actor, now: Date.now(), correlationId: 'test' };
      await store.together(id, async (log, client) => {
        await createOrganization(log, context, { name, ownerId });
        for (const [{ userId }, role] of others)
          await addMember({ log, client, context }, { userId, role, via: 'operator' });
      });
    },
    removeEverywhere(userId) {
      const actor = { type: 'user', id: userId };
      const context = { tenantId: 'main', actor, now: Date.now(), correlationId: 'test' };
      return removeEverywhere({ store, memberships: new Memberships(system) }, context, userId);
    },
    addresses: new InvitationAddresses(system, subjectKeys),
    lettersTo,
    async linkTo(email) {
      const token = /#(giv_[A-Za-z0-9_-]+)/.exec((await lettersTo(email)).at(-1)?.text ?? '')?.[1];
      if (!token) throw new Error('there is no letter with a link');
      return token;
    },
    indexOf: (email) => emailIndex(pepper, email),
    close: async () => void (await Promise.all([pool.end(), system.end()])),
  };
}

export interface TenancyBody {
  readonly code: string;
  readonly tenantId: string;
  readonly name: string;
  readonly role: string;
  readonly kind: string;
  readonly status: string;
  readonly revision: number;
  readonly invitationId: string;
  readonly tenants: readonly { tenantId: string; role: string; kind: string }[];
  readonly members: readonly { userId: string; role: string; name?: string; email?: string }[];
  readonly invitations: readonly { invitationId: string; email?: string; status: string }[];
  readonly teams: readonly { teamId: string }[];
  readonly projects: readonly { projectId: string; environments: string[] }[];
  readonly roles: readonly { subject: { type: string; id: string }; role: string }[];
  readonly environments: readonly string[];
  readonly nextCursor: string | null;
}

export interface TenancyAnswer {
  readonly status: number;
  readonly body: TenancyBody;
  readonly headers: Headers;
}

/** A call of somebody, in the personal workspace or in the tenant that is named. */
export async function as(
  replica: { readonly address: string },
  { token }: { readonly token: string },
  tenantId: string | undefined,
  what: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<TenancyAnswer> {
  const chosen = tenantId === undefined ? {} : { 'x-tenant-id': tenantId };
  const call = { key: token, headers: { ...chosen, ...headers }, ...(body !== undefined && { body }) };
  return (await api(replica, what, call)) as unknown as TenancyAnswer;
}

/** A membership is known to the doorkeeper milliseconds after it was made. */
export const untilKnown = (replica: { readonly address: string }, person: TestPerson, tenantId?: string) =>
  waitFor(async () => (await as(replica, person, tenantId, 'GET /me')).status === 200, {
    message: 'the membership to be known',
  });
