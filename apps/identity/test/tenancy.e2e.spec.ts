import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';
import { as, openPeople, type People, type TestPerson, untilKnown } from './tenancy.fixture.js';

let stack: Stack;
let replica: Replica;
let people: People;
let first: FirstOwner;
let made = 0;

beforeAll(async () => {
  stack = await startStack();
  first = await stack.bootstrap();
  people = await openPeople(stack);
  replica = await stack.serve({ ORGANIZATIONS_PER_PERSON: '2' });
  await works(replica, first.operatorKey);
});

afterAll(async () => {
  await people?.close();
  await stack?.stop();
});

const somebody = async () => {
  const person = await people.person(`p${++made}@people.localhost`, `Person ${made}`);
  await untilKnown(replica, person);
  return person;
};

/** An organization of an owner and some members who were invited. */
async function organization(...roles: readonly string[]) {
  const owner = await somebody();
  const id = `org-${++made}`;
  expect(await as(replica, owner, undefined, 'POST /organizations', { id, name: `Org ${id}` })).toMatchObject({
    status: 201,
    body: { tenantId: id, kind: 'organization', status: 'active' },
  });
  await untilKnown(replica, owner, id);
  const members: TestPerson[] = [];
  for (const role of roles) members.push(await join(owner, id, role));
  return { id, owner, members };
}

async function join(inviter: TestPerson, id: string, role: string, more: object = {}): Promise<TestPerson> {
  const person = await somebody();
  const invited = await as(replica, inviter, id, 'POST /invitations', { email: person.email, role, ...more });
  expect(invited).toMatchObject({ status: 201 });
  const token = await people.linkTo(person.email);
  const accepted = await as(replica, person, undefined, 'POST /invitations/accept', { token });
  expect(accepted).toMatchObject({ status: 200, body: { tenantId: id, role } });
  await untilKnown(replica, person, id);
  return person;
}

const rolesIn = async (id: string) => {
  const rows = await stack.superuser<{ user_id: string; role: string }>(
    `select user_id, role from identity.members where tenant_id = $1 and status = 'active'`,
    [id],
  );
  return new Map(rows.map(({ user_id, role }) => [user_id, role]));
};

describe('a personal workspace', () => {
  it('is everybody’s own, with its person as the owner', async () => {
    const person = await somebody();
    expect(await as(replica, person, undefined, 'GET /tenants')).toMatchObject({
      status: 200,
      body: { tenants: [{ tenantId: person.home, kind: 'personal', role: 'owner' }], nextCursor: null },
    });
    expect((await as(replica, person, undefined, 'GET /tenant')).body).toMatchObject({
      tenantId: person.home,
      kind: 'personal',
      role: 'owner',
      settings: { requireSecondFactor: false },
    });
  });

  it('takes nobody in, is not left, given away, renamed or closed', async () => {
    const person = await somebody();
    const other = await somebody();
    for (const [what, body] of [
      ['POST /invitations', { email: other.email, role: 'viewer' }],
      ['POST /members/leave', undefined],
      ['POST /tenant/transfer', { to: other.userId }],
      ['PATCH /tenant', { name: 'Ann at home' }],
      ['POST /tenant/close', {}],
    ] as const) {
      expect(await as(replica, person, undefined, what, body)).toMatchObject({
        status: 409,
        body: { code: 'personal_workspace' },
      });
    }
  });
});

describe('an organization', () => {
  it('has an id of its own, for ever', async () => {
    const { id, owner } = await organization();
    const other = await somebody();
    const again = { id, name: 'Mine' };
    expect(await as(replica, other, undefined, 'POST /organizations', again)).toMatchObject({
      status: 409,
      body: { code: 'tenant_id_taken' },
    });
    expect((await as(replica, owner, id, 'POST /tenant/close', {})).body.status).toBe('closed');
    expect(await as(replica, other, undefined, 'POST /organizations', again)).toMatchObject({ status: 409 });
  });

  it.each(['main', 'p-0190a1b2-0000-7000-8000-000000000001', 'ab', 'Acme', 'a_b', '-acme', 'a'.repeat(64)])(
    'is not called %s',
    async (id) => {
      const person = await somebody();
      expect(await as(replica, person, undefined, 'POST /organizations', { id, name: 'x' })).toMatchObject({
        status: 400,
        body: { code: 'validation_failed' },
      });
    },
  );

  it('is made once by a repeated request, and not by a service', async () => {
    const person = await somebody();
    const body = { id: `org-${++made}`, name: 'Twice' };
    const key = { 'idempotency-key': 'same-request-1' };
    for (let i = 0; i < 2; i++)
      expect(await as(replica, person, undefined, 'POST /organizations', body, key)).toMatchObject({ status: 201 });
    const service = { token: first.operatorKey };
    expect(await as(replica, service, undefined, 'POST /organizations', body)).toMatchObject({
      status: 403,
      body: { code: 'person_required' },
    });
  });

  it('is renamed and set by whoever may, at the revision that was seen', async () => {
    const { id, owner } = await organization();
    const tenant = await as(replica, owner, id, 'GET /tenant');
    const seen = { 'if-match': tenant.headers.get('etag') ?? '' };
    const change = { name: 'New name', requireSecondFactor: false };
    expect(await as(replica, owner, id, 'PATCH /tenant', change, seen)).toMatchObject({
      status: 200,
      body: { name: 'New name' },
    });
    expect(await as(replica, owner, id, 'PATCH /tenant', { name: 'Newer' }, seen)).toMatchObject({
      status: 412,
      body: { code: 'stale_revision' },
    });
    expect(await as(replica, owner, id, 'PATCH /tenant', {})).toMatchObject({ status: 400 });
  });

  it('asks for a second factor once it is told to', async () => {
    const { id, owner } = await organization();
    await as(replica, owner, id, 'PATCH /tenant', { requireSecondFactor: true });
    await waitFor(async () => (await as(replica, owner, id, 'GET /tenant')).status !== 200);
    expect((await as(replica, owner, undefined, 'GET /tenants')).body.tenants).toContainEqual(
      expect.objectContaining({ tenantId: id, requireSecondFactor: true }),
    );
  });

  it('is closed by an owner only, and nobody has anything in it afterwards', async () => {
    const { id, owner, members } = await organization('admin');
    const [admin] = members as [TestPerson];
    const invited = await somebody();
    await as(replica, owner, id, 'POST /invitations', { email: invited.email, role: 'viewer' });
    const link = await people.linkTo(invited.email);
    const made = await as(replica, owner, id, 'POST /keys', { name: 'ci' });
    expect(await as(replica, admin, id, 'POST /tenant/close', {})).toMatchObject({
      status: 403,
      body: { code: 'role_above_own' },
    });
    expect((await as(replica, owner, id, 'POST /tenant/close', { reason: 'done' })).body.status).toBe('closed');
    expect(await rolesIn(id)).toEqual(new Map());
    expect(await as(replica, invited, undefined, 'POST /invitations/accept', { token: link })).toMatchObject({
      status: 404,
      body: { code: 'invitation_invalid' },
    });
    const key = (made.body as unknown as { key: string }).key;
    await waitFor(async () => (await as(replica, { token: key }, undefined, 'GET /me')).status === 401);
    await waitFor(async () => (await as(replica, owner, id, 'GET /tenant')).status === 404);
    expect((await as(replica, owner, undefined, 'GET /tenants')).body.tenants).toHaveLength(1);
  });

  it('is one of at most so many of one person', async () => {
    const { owner } = await organization();
    const make = () => as(replica, owner, undefined, 'POST /organizations', { id: `org-${++made}`, name: 'Another' });
    expect((await make()).status).toBe(201);
    expect(await make()).toMatchObject({ status: 409, body: { code: 'organization_limit' } });
  });
});

describe('members', () => {
  it('are listed with their names; their addresses for those who may invite', async () => {
    const { id, owner, members } = await organization('maintainer', 'viewer');
    const [maintainer, viewer] = members as [TestPerson, TestPerson];
    const seenBy = async (person: TestPerson) => (await as(replica, person, id, 'GET /members')).body.members;
    expect((await seenBy(maintainer)).map(({ email }) => email).sort()).toEqual(
      [owner.email, maintainer.email, viewer.email].sort(),
    );
    const shown = await seenBy(viewer);
    expect(shown.every(({ name }) => name?.startsWith('Person'))).toBe(true);
    expect(shown.filter(({ email }) => email !== undefined).map(({ userId }) => userId)).toEqual([viewer.userId]);
  });

  it('come in pages', async () => {
    const { id, owner } = await organization('viewer', 'viewer');
    const one = await as(replica, owner, id, 'GET /members?limit=2');
    const two = await as(replica, owner, id, `GET /members?limit=2&cursor=${one.body.nextCursor}`);
    expect([one.body.members.length, two.body.members.length, two.body.nextCursor]).toEqual([2, 1, null]);
    expect(new Set([...one.body.members, ...two.body.members].map(({ userId }) => userId)).size).toBe(3);
    expect((await as(replica, owner, id, 'GET /members?cursor=abc')).status).toBe(400);
  });

  it('get another role from somebody who ranks as high, and never above him', async () => {
    const { id, owner, members } = await organization('admin', 'admin', 'developer');
    const [admin, peer, developer] = members as [TestPerson, TestPerson, TestPerson];
    const change = (who: TestPerson, whom: TestPerson, role: string) =>
      as(replica, who, id, `PATCH /members/${whom.userId}`, { role });
    expect(await change(admin, developer, 'maintainer')).toMatchObject({ status: 200, body: { role: 'maintainer' } });
    expect(await change(admin, peer, 'viewer')).toMatchObject({ status: 200 });
    for (const [who, whom, role] of [
      [admin, developer, 'owner'],
      [admin, owner, 'viewer'],
      [admin, admin, 'owner'],
      [developer, developer, 'admin'],
      [peer, developer, 'viewer'],
    ] as const)
      expect(await change(who, whom, role)).toMatchObject({ status: 403, body: { code: 'role_above_own' } });
    expect(await change(admin, await somebody(), 'viewer')).toMatchObject({ status: 404 });
    expect(await rolesIn(id)).toEqual(
      new Map([
        [owner.userId, 'owner'],
        [admin.userId, 'admin'],
        [peer.userId, 'viewer'],
        [developer.userId, 'maintainer'],
      ]),
    );
  });

  it('are not removed by somebody below them', async () => {
    const { id, owner, members } = await organization('admin');
    const [admin] = members as [TestPerson];
    expect(await as(replica, admin, id, `DELETE /members/${owner.userId}`)).toMatchObject({ status: 403 });
    expect(await as(replica, owner, id, `DELETE /members/${admin.userId}`)).toMatchObject({ status: 200 });
    await waitFor(async () => (await as(replica, admin, id, 'GET /tenant')).status === 403);
    expect(await as(replica, owner, id, `DELETE /members/${admin.userId}`)).toMatchObject({ status: 404 });
  });

  it('lose teams, project roles and keys of the tenant with the membership, and nothing elsewhere', async () => {
    const { id, owner, members } = await organization('developer');
    const [developer] = members as [TestPerson];
    await as(replica, owner, id, 'POST /teams', { id: 'web', name: 'Web' });
    await as(replica, owner, id, 'POST /teams/web/members', { userId: developer.userId });
    await as(replica, owner, id, 'POST /projects', { id: 'shop', name: 'Shop' });
    const subject = { type: 'user', id: developer.userId };
    await as(replica, owner, id, 'POST /projects/shop/roles', { subject, role: 'maintainer' });
    const keyIn = async (tenantId: string | undefined) =>
      (
        (await as(replica, developer, tenantId, 'POST /keys', { name: 'laptop', family: 'mau' })).body as unknown as {
          key: string;
        }
      ).key;
    const [here, elsewhere] = [await keyIn(id), await keyIn(undefined)];
    await works(replica, here);
    await works(replica, elsewhere);
    expect(await as(replica, developer, id, 'POST /members/leave')).toMatchObject({ status: 200 });
    expect((await as(replica, owner, id, 'GET /teams/web/members')).body.members).toEqual([]);
    expect((await as(replica, owner, id, 'GET /projects/shop/roles')).body.roles).toEqual([]);
    await waitFor(async () => (await as(replica, { token: here }, undefined, 'GET /me')).status === 401);
    const keys = await stack.superuser('select reason from identity.keys where tenant_id = $1', [id]);
    expect(keys).toEqual([{ reason: 'member_removed' }]);
    expect((await as(replica, { token: elsewhere }, undefined, 'GET /me')).status).toBe(200);
  });

  it('come back with the role of the new invitation and nothing of what they had', async () => {
    const { id, owner, members } = await organization('admin');
    const [admin] = members as [TestPerson];
    await as(replica, owner, id, 'POST /teams', { id: 'web', name: 'Web' });
    await as(replica, owner, id, 'POST /teams/web/members', { userId: admin.userId });
    await as(replica, owner, id, `DELETE /members/${admin.userId}`);
    await as(replica, owner, id, 'POST /invitations', { email: admin.email, role: 'viewer' });
    const token = await people.linkTo(admin.email);
    expect(await as(replica, admin, undefined, 'POST /invitations/accept', { token })).toMatchObject({ status: 200 });
    expect((await rolesIn(id)).get(admin.userId)).toBe('viewer');
    expect((await as(replica, owner, id, 'GET /teams/web/members')).body.members).toEqual([]);
  });
});

describe('ownership', () => {
  it('is given to a member; the giver becomes an admin', async () => {
    const { id, owner, members } = await organization('developer', 'admin');
    const [heir, admin] = members as [TestPerson, TestPerson];
    expect(await as(replica, admin, id, 'POST /tenant/transfer', { to: admin.userId })).toMatchObject({
      status: 403,
      body: { code: 'role_above_own' },
    });
    const stranger = (await somebody()).userId;
    expect((await as(replica, owner, id, 'POST /tenant/transfer', { to: stranger })).status).toBe(404);
    expect(await as(replica, owner, id, 'POST /tenant/transfer', { to: heir.userId })).toMatchObject({
      status: 200,
      body: { userId: heir.userId, role: 'owner' },
    });
    expect((await rolesIn(id)).get(owner.userId)).toBe('admin');
  });

  it('does not end: the last owner neither leaves nor is removed nor steps down', async () => {
    const { id, owner } = await organization('admin');
    for (const [what, body] of [
      ['POST /members/leave', undefined],
      [`DELETE /members/${owner.userId}`, undefined],
      [`PATCH /members/${owner.userId}`, { role: 'admin' }],
    ] as const)
      expect(await as(replica, owner, id, what, body)).toMatchObject({ status: 409, body: { code: 'last_owner' } });
  });

  it.each([
    ['leave', (_self: TestPerson, _other: TestPerson) => ['POST /members/leave'] as const],
    ['remove each other', (_self: TestPerson, other: TestPerson) => [`DELETE /members/${other.userId}`] as const],
    [
      'step down',
      (self: TestPerson, _other: TestPerson) => [`PATCH /members/${self.userId}`, { role: 'viewer' }] as const,
    ],
  ])('stays with one of the last owners when all of them %s at once', async (_how, act) => {
    const { id, owner, members } = await organization('owner', 'owner', 'owner');
    const owners = [owner, ...members];
    const acts = owners.map((self, i) => {
      const [what, body] = act(self, owners[(i + 1) % owners.length] ?? owner);
      return as(replica, self, id, what, body);
    });
    const statuses = (await Promise.all(acts)).map(({ status }) => status);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect([...(await rolesIn(id)).values()].filter((role) => role === 'owner').length).toBeGreaterThanOrEqual(1);
    expect(statuses).toContain(200);
  });
});

describe('somebody who is erased', () => {
  const refused = (work: Promise<unknown>) => work.catch((error: unknown) => (error as { code: string }).code);

  it('leaves every tenant, and ends those where nobody else is', async () => {
    const ours = await organization('developer', 'viewer');
    const [person] = ours.members as [TestPerson];
    const own = `org-${++made}`;
    await as(replica, person, undefined, 'POST /organizations', { id: own, name: 'Alone' });
    await as(replica, ours.owner, ours.id, 'POST /teams', { id: 'web', name: 'Web' });
    await as(replica, ours.owner, ours.id, 'POST /teams/web/members', { userId: person.userId });
    const departure = await people.removeEverywhere(person.userId);
    expect(departure.left).toEqual([ours.id]);
    expect([...departure.closed].sort()).toEqual([own, person.home].sort());
    expect(await people.removeEverywhere(person.userId)).toEqual({ left: [], closed: [] });
    expect((await rolesIn(ours.id)).has(person.userId)).toBe(false);
    expect((await as(replica, ours.owner, ours.id, 'GET /teams/web/members')).body.members).toEqual([]);
    const open = await stack.superuser(
      `select tenant_id from identity.tenants where status = 'active' and tenant_id = any($1)`,
      [[own, person.home]],
    );
    expect(open).toEqual([]);
    await waitFor(async () => (await as(replica, person, undefined, 'GET /me')).status !== 200);
  });

  it('is kept from it, with nothing changed, by an organization that would have no owner', async () => {
    const { id, owner, members } = await organization('admin');
    expect(await refused(people.removeEverywhere(owner.userId))).toBe('last_owner');
    expect((await as(replica, owner, undefined, 'GET /tenants')).body.tenants).toHaveLength(2);
    const to = members[0]?.userId;
    expect((await as(replica, owner, id, 'POST /tenant/transfer', { to })).status).toBe(200);
    expect(await people.removeEverywhere(owner.userId)).toEqual({ left: [id], closed: [owner.home] });
  });

  it('is one of two last owners at most, when both go at once', async () => {
    const { id, owner, members } = await organization('owner', 'viewer');
    const second = members[0]?.userId ?? '';
    const ends = await Promise.all([owner.userId, second].map((userId) => refused(people.removeEverywhere(userId))));
    expect(ends).toContain('last_owner');
    expect([...(await rolesIn(id)).values()]).toContain('owner');
  });
});

describe('teams', () => {
  it('are made, read, renamed and deleted, and their ids are not used twice', async () => {
    const { id, owner, members } = await organization('developer');
    const [developer] = members as [TestPerson];
    const call = (what: string, body?: unknown) => as(replica, owner, id, what, body);
    expect(await call('POST /teams', { id: 'web', name: 'Web' })).toMatchObject({ status: 201 });
    expect((await call('POST /teams', { id: 'web', name: 'Again' })).body.code).toBe('team_id_taken');
    expect((await call('POST /teams', { id: 'We b', name: 'x' })).status).toBe(400);
    expect((await call('PATCH /teams/web', { name: 'Web people' })).body.name).toBe('Web people');
    for (let i = 0; i < 2; i++)
      expect((await call('POST /teams/web/members', { userId: developer.userId })).status).toBe(200);
    expect((await call('POST /teams/web/members', { userId: (await somebody()).userId })).status).toBe(404);
    expect((await call('GET /teams/web/members')).body.members).toMatchObject([{ userId: developer.userId }]);
    expect((await call(`DELETE /teams/web/members/${developer.userId}`)).status).toBe(200);
    expect((await call('GET /teams/web/members')).body.members).toEqual([]);
    expect((await call('DELETE /teams/web')).status).toBe(200);
    expect((await call('GET /teams/web')).status).toBe(404);
    expect((await call('GET /teams')).body.teams).toEqual([]);
    expect((await call('POST /teams', { id: 'web', name: 'Back' })).body.code).toBe('team_id_taken');
  });

  it('give nobody a role above the one who fills them', async () => {
    const { id, owner, members } = await organization('admin', 'viewer');
    const [admin, viewer] = members as [TestPerson, TestPerson];
    await as(replica, owner, id, 'POST /teams', { id: 'root', name: 'Root' });
    await as(replica, owner, id, 'POST /projects', { id: 'shop', name: 'Shop' });
    await as(replica, owner, id, 'POST /teams/root/members', { userId: owner.userId });
    const subject = { type: 'team', id: 'root' };
    await as(replica, owner, id, 'POST /projects/shop/roles', { subject, role: 'owner' });
    const refused = { status: 403, body: { code: 'role_above_own' } };
    const self = { userId: admin.userId };
    expect(await as(replica, admin, id, 'POST /teams/root/members', self)).toMatchObject(refused);
    const invited = { email: 'x@people.localhost', role: 'viewer', teamIds: ['root'] };
    expect(await as(replica, admin, id, 'POST /invitations', invited)).toMatchObject(refused);
    const lower = { subject, role: 'viewer' };
    expect(await as(replica, admin, id, 'POST /projects/shop/roles', lower)).toMatchObject(refused);
    expect(await as(replica, viewer, id, 'POST /teams/root/members', self)).toMatchObject(refused);
  });
});

describe('projects', () => {
  it('have production and preview, and what is added to them', async () => {
    const { id, owner } = await organization();
    const call = (what: string, body?: unknown) => as(replica, owner, id, what, body);
    expect((await call('POST /projects', { id: 'shop', name: 'Shop' })).body.environments).toEqual([
      'preview',
      'production',
    ]);
    await call('POST /projects/shop/environments', { environment: 'staging' });
    await call('DELETE /projects/shop/environments/preview');
    expect((await call('DELETE /projects/shop/environments/preview')).status).toBe(404);
    expect((await call('GET /projects/shop/environments')).body.environments).toEqual(['production', 'staging']);
    expect((await call('PATCH /projects/shop', { name: 'The shop' })).body.name).toBe('The shop');
    expect((await call('POST /projects', { id: 'shop', name: 'x' })).body.code).toBe('project_id_taken');
    expect((await call('GET /projects')).body.projects).toHaveLength(1);
    expect((await call('DELETE /projects/shop')).status).toBe(200);
    expect((await call('GET /projects/shop')).status).toBe(404);
    expect((await call('POST /projects', { id: 'shop', name: 'x' })).body.code).toBe('project_id_taken');
  });

  it('give roles to members and teams, one each, never above the giver', async () => {
    const { id, owner, members } = await organization('admin', 'viewer');
    const [admin, viewer] = members as [TestPerson, TestPerson];
    await as(replica, owner, id, 'POST /projects', { id: 'shop', name: 'Shop' });
    const subject = { type: 'user', id: viewer.userId };
    const grant = (who: TestPerson, role: string, whom: object = subject) =>
      as(replica, who, id, 'POST /projects/shop/roles', { subject: whom, role });
    expect(await grant(admin, 'owner')).toMatchObject({ status: 403, body: { code: 'role_above_own' } });
    expect((await grant(admin, 'developer')).body.roles).toMatchObject([{ subject, role: 'developer' }]);
    expect((await grant(admin, 'maintainer')).body.roles).toMatchObject([{ subject, role: 'maintainer' }]);
    expect(await grant(admin, 'viewer', { type: 'team', id: 'no-such-team' })).toMatchObject({ status: 404 });
    expect(await grant(admin, 'viewer', { type: 'user', id: 'no-such-user' })).toMatchObject({ status: 404 });
    await grant(owner, 'owner');
    const revoke = `DELETE /projects/shop/roles/user/${viewer.userId}`;
    expect(await as(replica, admin, id, revoke)).toMatchObject({ status: 403 });
    expect((await as(replica, owner, id, revoke)).body.roles).toEqual([]);
    expect(await as(replica, owner, id, revoke)).toMatchObject({ status: 404 });
  });
});

describe('another tenant', () => {
  it('answers an outsider nothing: 403 for one that exists, 404 for one that does not', async () => {
    const { id } = await organization();
    const outsider = await somebody();
    expect((await as(replica, outsider, id, 'GET /tenant')).status).toBe(403);
    expect((await as(replica, outsider, 'no-such-tenant', 'GET /tenant')).status).toBe(404);
  });

  it('lends no team, project, invitation or member to the one the caller acts in', async () => {
    const [ours, theirs] = [await organization(), await organization('viewer')];
    await as(replica, theirs.owner, theirs.id, 'POST /teams', { id: 'theirs', name: 'T' });
    await as(replica, theirs.owner, theirs.id, 'POST /projects', { id: 'theirs', name: 'T' });
    const invited = await as(replica, theirs.owner, theirs.id, 'POST /invitations', {
      email: 'y@people.localhost',
      role: 'viewer',
    });
    const member = theirs.members[0]?.userId ?? '';
    for (const [what, body] of [
      ['GET /teams/theirs'],
      ['PATCH /teams/theirs', { name: 'Ours' }],
      ['DELETE /teams/theirs'],
      ['GET /projects/theirs'],
      ['DELETE /projects/theirs'],
      ['GET /projects/theirs/roles'],
      ['POST /projects/theirs/environments', { environment: 'x' }],
      [`PATCH /members/${member}`, { role: 'admin' }],
      [`DELETE /members/${member}`],
      ['POST /tenant/transfer', { to: member }],
      [`POST /invitations/${invited.body.invitationId}/revoke`],
      [`POST /invitations/${invited.body.invitationId}/resend`],
    ] as const)
      expect([what, (await as(replica, ours.owner, ours.id, what, body)).status]).toEqual([what, 404]);
  });
});

describe('the read models', () => {
  it.each(['tenants', 'invitations', 'teams', 'projects'])(
    '%s equal their fold when they are rebuilt',
    async (name) => {
      const operator = { token: first.operatorKey };
      expect((await as(replica, operator, undefined, `POST /projections/${name}/rebuild`)).status).toBe(202);
      const report = await waitFor(async () => {
        const { body } = await as(replica, operator, undefined, 'GET /projections');
        type State = { name: string; rebuildRequested: boolean; lastRebuild: unknown };
        const state = (body as unknown as { projections: State[] }).projections.find((each) => each.name === name);
        return state && !state.rebuildRequested && state.lastRebuild;
      });
      expect(report).toMatchObject({ differences: 0, parked: 0 });
      expect(report).not.toMatchObject({ events: 0 });
    },
  );

  it.each([
    ...['tenants', 'members', 'invitations', 'teams', 'team_members', 'projects', 'project_environments'],
    'project_roles',
  ])('row-level security shows the request role rows of %s of its tenant only', async (table) => {
    const [{ tenant_id: tenantId } = { tenant_id: '' }] = await stack.superuser<{ tenant_id: string }>(
      `select tenant_id from identity.${table} limit 1`,
    );
    const client = new pg.Client({ connectionString: stack.databaseUrl() });
    await client.connect();
    const tenantsSeen = async () => (await client.query(`select distinct tenant_id from ${table}`)).rows;
    expect(await tenantsSeen()).toEqual([]);
    await client.query(`select set_config('gatehouse.tenant', $1, false)`, [tenantId]);
    expect(await tenantsSeen()).toEqual([{ tenant_id: tenantId }]);
    await client.end();
  });
});
