import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';
import { as, openPeople, type People, type TestPerson, untilKnown } from './tenancy.fixture.js';

let stack: Stack;
let replica: Replica;
let people: People;
let first: FirstOwner;
let made = 0;

const dailyLimit = 6;

beforeAll(async () => {
  stack = await startStack();
  first = await stack.bootstrap();
  people = await openPeople(stack);
  replica = await stack.serve({ INVITATIONS_PER_DAY: String(dailyLimit), PUBLIC_URL: 'https://localhost' });
  await works(replica, first.operatorKey);
});

afterAll(async () => {
  await people?.close();
  await stack?.stop();
});

const somebody = async () => {
  const person = await people.person(`p${++made}@people.localhost`);
  await untilKnown(replica, person);
  return person;
};

async function organization() {
  const owner = await somebody();
  const id = `org-${++made}`;
  await as(replica, owner, undefined, 'POST /organizations', { id, name: `Org ${id}` });
  await untilKnown(replica, owner, id);
  return { id, owner };
}

const invite = (who: { readonly token: string }, id: string | undefined, email: string, role: string, more = {}) =>
  as(replica, who, id, 'POST /invitations', { email, role, ...more });
const accept = (who: { readonly token: string }, token: string) =>
  as(replica, who, undefined, 'POST /invitations/accept', { token });
const invalid = { status: 404, body: { code: 'invitation_invalid' } };

async function join(inviter: TestPerson, id: string, role: string, more = {}): Promise<TestPerson> {
  const person = await somebody();
  await invite(inviter, id, person.email, role, more);
  expect(await accept(person, await people.linkTo(person.email))).toMatchObject({ status: 200 });
  await untilKnown(replica, person, id);
  return person;
}

describe('an invitation', () => {
  it('is a letter whose link makes its addressee a member, once', async () => {
    const { id, owner } = await organization();
    const person = await somebody();
    const invited = await invite(owner, id, person.email.toUpperCase(), 'developer');
    expect(invited).toMatchObject({ status: 201, body: { role: 'developer', status: 'pending' } });
    expect(JSON.stringify(invited.body)).not.toContain('giv_');
    const [letter] = await people.lettersTo(person.email.toUpperCase());
    expect(letter?.title).toContain(`Org ${id}`);
    expect(letter?.text).toContain('https://localhost/invitation#giv_');
    const token = await people.linkTo(person.email.toUpperCase());
    expect(await accept(person, token)).toMatchObject({ status: 200, body: { tenantId: id, role: 'developer' } });
    expect(await accept(person, token)).toMatchObject(invalid);
    const { body } = await as(replica, owner, id, 'GET /invitations');
    expect(body.invitations).toMatchObject([{ status: 'accepted', acceptedBy: person.userId }]);
  });

  it('is accepted once by two requests at the same time', async () => {
    const { id, owner } = await organization();
    const person = await somebody();
    await invite(owner, id, person.email, 'viewer');
    const token = await people.linkTo(person.email);
    const statuses = (await Promise.all([1, 2, 3, 4].map(() => accept(person, token)))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 404, 404, 404]);
  });

  it('is for its own address: others with the link learn nothing', async () => {
    const { id, owner } = await organization();
    const [person, thief] = [await somebody(), await somebody()];
    await invite(owner, id, person.email, 'admin');
    const token = await people.linkTo(person.email);
    const answers = [
      await accept(thief, token),
      await accept(thief, `${token.slice(0, -1)}A`),
      await accept(thief, 'giv_short'),
      await accept(owner, token),
    ];
    for (const answer of answers) expect(answer).toMatchObject(invalid);
    const texts = answers.map(({ body }) => JSON.stringify({ ...body, traceId: undefined }));
    expect(new Set(texts).size).toBe(1);
    expect(await accept(person, token)).toMatchObject({ status: 200 });
  });

  it('is not accepted by somebody whose address is not verified, nor by a service', async () => {
    const { id, owner } = await organization();
    const person = await somebody();
    await invite(owner, id, person.email, 'viewer');
    const token = await people.linkTo(person.email);
    await stack.superuser(`update identity.people set status = 'pending' where user_id = $1`, [person.userId]);
    expect(await accept(person, token)).toMatchObject(invalid);
    expect(await accept({ token: first.operatorKey }, token)).toMatchObject({ body: { code: 'person_required' } });
  });

  it('expires', async () => {
    const { id, owner } = await organization();
    const person = await somebody();
    await invite(owner, id, person.email, 'viewer', { expiresInHours: 1 });
    const token = await people.linkTo(person.email);
    await stack.superuser(`update identity.invitations set expires_at = now() where tenant_id = $1`, [id]);
    expect(await accept(person, token)).toMatchObject(invalid);
    expect((await as(replica, owner, id, 'GET /invitations')).body.invitations).toMatchObject([{ status: 'expired' }]);
    for (const expiresInHours of [0, 721, 1.5])
      expect((await invite(owner, id, person.email, 'viewer', { expiresInHours })).status).toBe(400);
  });

  it('is void once revoked, and when a newer one was sent to the same address', async () => {
    const { id, owner } = await organization();
    const person = await somebody();
    const older = await invite(owner, id, person.email, 'viewer');
    const olderToken = await people.linkTo(person.email);
    const newer = await invite(owner, id, person.email.toUpperCase(), 'developer');
    const newerToken = await people.linkTo(person.email.toUpperCase());
    expect(await accept(person, olderToken)).toMatchObject(invalid);
    const call = (what: string, invitationId: string) =>
      as(replica, owner, id, `POST /invitations/${invitationId}/${what}`);
    expect((await call('resend', older.body.invitationId)).status).toBe(404);
    for (let i = 0; i < 2; i++)
      expect(await call('revoke', newer.body.invitationId)).toMatchObject({ status: 200, body: { status: 'revoked' } });
    expect(await accept(person, newerToken)).toMatchObject(invalid);
  });

  it('is sent again with another link, the earlier one being void', async () => {
    const { id, owner } = await organization();
    const person = await somebody();
    const { body } = await invite(owner, id, person.email, 'viewer');
    const earlier = await people.linkTo(person.email);
    expect((await as(replica, owner, id, `POST /invitations/${body.invitationId}/resend`)).status).toBe(200);
    const later = await people.linkTo(person.email);
    expect(later).not.toBe(earlier);
    expect(await accept(person, earlier)).toMatchObject(invalid);
    expect(await accept(person, later)).toMatchObject({ status: 200 });
  });

  it('brings its teams with it, those that are gone left out', async () => {
    const { id, owner } = await organization();
    for (const team of ['web', 'ops']) await as(replica, owner, id, 'POST /teams', { id: team, name: team });
    const person = await somebody();
    expect((await invite(owner, id, person.email, 'viewer', { teamIds: ['nobody'] })).status).toBe(404);
    await invite(owner, id, person.email, 'viewer', { teamIds: ['web', 'ops', 'web'] });
    await as(replica, owner, id, 'DELETE /teams/ops');
    await accept(person, await people.linkTo(person.email));
    expect((await as(replica, owner, id, 'GET /teams/web/members')).body.members).toMatchObject([
      { userId: person.userId },
    ]);
    const inTeams = await stack.superuser('select team_id from identity.team_members where tenant_id = $1', [id]);
    expect(inTeams).toEqual([{ team_id: 'web' }]);
  });

  it('is not for a member', async () => {
    const { id, owner } = await organization();
    const member = await join(owner, id, 'viewer');
    expect(await invite(owner, id, member.email, 'admin')).toMatchObject({ body: { code: 'already_member' } });
  });

  it('is answered as it was when the request is repeated, and sent once', async () => {
    const { id, owner } = await organization();
    const key = { 'idempotency-key': 'invite-once' };
    const body = { email: 'once@people.localhost', role: 'viewer' };
    const one = await as(replica, owner, id, 'POST /invitations', body, key);
    const two = await as(replica, owner, id, 'POST /invitations', body, key);
    expect(two.body).toEqual(one.body);
    expect(await people.lettersTo(body.email)).toHaveLength(1);
  });

  it('is one of so many a day', async () => {
    const { id, owner } = await organization();
    const sent = [];
    for (let i = 0; i <= dailyLimit; i++) sent.push(await invite(owner, id, `many${i}@people.localhost`, 'viewer'));
    expect(sent.map(({ status }) => status)).toEqual([...Array(dailyLimit).fill(201), 429]);
    expect(sent.at(-1)?.headers.get('retry-after')).toBe('3600');
    const id0 = sent[0]?.body.invitationId;
    expect((await as(replica, owner, id, `POST /invitations/${id0}/resend`)).body.code).toBe('invitation_limit');
    expect((await invite((await organization()).owner, undefined, 'a@b.localhost', 'viewer')).status).toBe(409);
  });
});

describe('the role of an invitation', () => {
  it('is never above the role of whoever invites, person or service', async () => {
    const { id, owner } = await organization();
    const maintainer = await join(owner, id, 'maintainer');
    const refused = { status: 403, body: { code: 'role_above_own' } };
    for (const role of ['owner', 'admin'])
      expect(await invite(maintainer, id, 'x@people.localhost', role)).toMatchObject(refused);
    const made = await as(replica, owner, id, 'POST /keys', { name: 'ci', roles: ['developer'] });
    const service = { token: (made.body as unknown as { key: string }).key };
    await works(replica, service.token);
    expect(await invite(service, undefined, 'x@people.localhost', 'maintainer')).toMatchObject(refused);
    expect(await invite(service, undefined, 'x@people.localhost', 'developer')).toMatchObject({ status: 201 });
  });

  it('is not given when the inviter has lost it meanwhile, or has gone', async () => {
    const { id, owner } = await organization();
    const admin = await join(owner, id, 'admin');
    const [one, two] = [await somebody(), await somebody()];
    await invite(admin, id, one.email, 'admin');
    await invite(admin, id, two.email, 'viewer');
    await as(replica, owner, id, `PATCH /members/${admin.userId}`, { role: 'developer' });
    expect(await accept(one, await people.linkTo(one.email))).toMatchObject(invalid);
    await as(replica, owner, id, `DELETE /members/${admin.userId}`);
    expect(await accept(two, await people.linkTo(two.email))).toMatchObject(invalid);
  });

  it('is not given when the inviter was disabled', async () => {
    const { id, owner } = await organization();
    const person = await somebody();
    await invite(owner, id, person.email, 'viewer');
    await stack.superuser(`update identity.people set status = 'disabled' where user_id = $1`, [owner.userId]);
    expect(await accept(person, await people.linkTo(person.email))).toMatchObject(invalid);
  });

  it('is not given by a service whose key was disabled', async () => {
    const { id, owner } = await organization();
    const made = await as(replica, owner, id, 'POST /keys', { name: 'ci', roles: ['admin'] });
    const { key, keyId } = made.body as unknown as { key: string; keyId: string };
    await works(replica, key);
    const person = await somebody();
    await invite({ token: key }, undefined, person.email, 'viewer');
    await as(replica, owner, id, `POST /keys/${keyId}/disable`);
    expect(await accept(person, await people.linkTo(person.email))).toMatchObject(invalid);
  });

  it('cannot be raised by sending the invitation of somebody above again', async () => {
    const { id, owner } = await organization();
    const maintainer = await join(owner, id, 'maintainer');
    const { body } = await invite(owner, id, 'boss@people.localhost', 'admin');
    for (const what of ['resend', 'revoke'])
      expect(await as(replica, maintainer, id, `POST /invitations/${body.invitationId}/${what}`)).toMatchObject({
        status: 403,
      });
  });
});

describe('what is kept of an invitation', () => {
  it('holds neither the link nor the address in clear: not in events, rows or logs', async () => {
    const { id, owner } = await organization();
    const email = `secret-address-${++made}@people.localhost`;
    await invite(owner, id, email, 'viewer');
    const token = await people.linkTo(email);
    const dump = await stack.superuser<{ text: string }>(
      `select envelope as text from identity.events union all select to_jsonb(i)::text from identity.invitations i
       union all select to_jsonb(m)::text from identity.mail_queue m`,
    );
    const everything = dump.map(({ text }) => text).join('\n') + replica.log();
    expect(everything).toContain(id);
    expect(everything).not.toContain('secret-address');
    expect(everything).not.toContain(token.slice(4, 24));
    const index = people.indexOf(email);
    const events = await stack.superuser<{ envelope: string }>('select envelope from identity.events');
    expect(events.filter(({ envelope }) => envelope.includes(index))).toEqual([]);
  });

  it('is shown to its addressee and ends with an erasure, in row, event and letter', async () => {
    const { id, owner } = await organization();
    const [person, other] = [await somebody(), await somebody()];
    for (const { email } of [person, other]) await invite(owner, id, email, 'viewer');
    const { personalData } = people.addresses;
    expect(await personalData.read(person.userId)).toMatchObject([{ tenantId: id, email: person.email }]);
    expect(await personalData.erase(person.userId)).toBe(1);
    expect(await personalData.erase(person.userId)).toBe(0);
    expect(await personalData.read(person.userId)).toEqual([]);
    expect(await people.lettersTo(person.email)).toEqual([]);
    expect(await people.lettersTo(other.email)).toHaveLength(1);
    const { invitations } = (await as(replica, owner, id, 'GET /invitations')).body;
    expect(invitations.map(({ email }) => email)).toEqual([undefined, other.email]);
  });

  it('loses its address some time after its end, and not before', async () => {
    const { id, owner } = await organization();
    const [used, open] = [await somebody(), await somebody()];
    for (const { email } of [used, open]) await invite(owner, id, email, 'viewer');
    await accept(used, await people.linkTo(used.email));
    const { retention } = people.addresses;
    expect(await retention.sweep(new Date(Date.now() - 3_600_000))).toBe(0);
    expect(await retention.sweep(new Date(Date.now() + 60_000))).toBeGreaterThanOrEqual(1);
    const { invitations } = (await as(replica, owner, id, 'GET /invitations')).body;
    expect(invitations.map(({ email }) => email)).toEqual([undefined, open.email]);
  });

  it('ends with the key of its address: a rebuild finds neither address nor index', async () => {
    const { id, owner } = await organization();
    const { body } = await invite(owner, id, 'forgotten@people.localhost', 'viewer');
    await stack.superuser('delete from identity.subject_keys where tenant_id = $1 and subject = $2', [
      id,
      `invitation-${body.invitationId}`,
    ]);
    await as(replica, { token: first.operatorKey }, undefined, 'POST /projections/invitations/rebuild');
    await waitFor(async () => {
      const text = 'select email_index, email from identity.invitations where invitation_id = $1';
      const [row] = await stack.superuser<{ email: unknown; email_index: unknown }>(text, [body.invitationId]);
      return row && row.email === null && row.email_index === null;
    });
    expect((await as(replica, owner, id, 'GET /invitations')).body.invitations[0]).not.toHaveProperty('email');
  });
});
