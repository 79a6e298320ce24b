import { randomUUID } from 'node:crypto';
import { loadRootKey } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { factorsOfPerson } from '../src/factor/factors-of-person.service.js';
import { type Deviation, SoftwareAuthenticator } from '../src/factor/passkey/authenticator.fixture.js';
import { totpCode } from '../src/factor/totp/totp.js';
import { SubjectKeys } from '../src/user/subject-keys.service.js';
import { api } from './api.fixture.js';
import { auth, peopleEnv, publicUrl, type Registered, type Reply, register, signIn } from './people.fixture.js';
import { type Replica, type Stack, startStack } from './stack.fixture.js';

jest.setTimeout(60_000);

let stack: Stack;
let replica: Replica;
let other: Replica;
let count = 0;

beforeAll(async () => {
  stack = await startStack();
  [replica, other] = await Promise.all([stack.serve(peopleEnv(stack)), stack.serveApart(peopleEnv(stack))]);
});
afterAll(() => stack?.stop());

const newPerson = () => register(stack, replica, `person${++count}@example.org`);
async function tokenOf(person: Registered): Promise<string> {
  const signedIn = await signIn(replica, person);
  expect(outcome(signedIn)).toEqual([200, undefined]);
  const token = signedIn.body.access_token;
  // The replica hears of a new person's tenant a moment after it is stored: until then it says that there is none.
  await waitFor(async () => (await auth(replica, 'GET /factors', undefined, token)).status !== 404);
  return token;
}
const challengeOf = async (person: Registered): Promise<string> => {
  await forgetAttempts(person.userId);
  return (await signIn(replica, person)).body.challenge;
};
const challengesOf = async (person: Registered, n: number): Promise<readonly string[]> => {
  const challenges: string[] = [];
  while (challenges.length < n) challenges.push(await challengeOf(person));
  return challenges;
};
const outcome = ({ status, body }: Reply) => [status, body?.code];
const eventsOf = async (userId: string) =>
  (
    await stack.superuser<{ envelope: string }>(
      'select envelope::text from identity.events where stream_id = $1 order by revision',
      [`factors:${userId}`],
    )
  ).map(({ envelope }) => JSON.parse(envelope) as { type: string; data: Record<string, unknown> });
/** Steps are used up by half minutes: tests do not wait for the next one. */
const forgetSteps = (userId: string) =>
  stack.superuser('update identity.factors set last_step = 0 where user_id = $1', [userId]);
/** Wrong codes and unfinished sign-ins slow a person down: tests do not wait. */
const forgetAttempts = async (userId: string) => {
  await stack.superuser('delete from identity.factor_attempts where user_id = $1', [userId]);
  await stack.superuser('delete from identity.throttle');
};

interface WithTotp extends Registered {
  readonly token: string;
  readonly secret: string;
  readonly codes: readonly string[];
}

async function withTotp(): Promise<WithTotp> {
  const person = await newPerson();
  const token = await tokenOf(person);
  const begun = await auth(replica, 'POST /factors/totp', undefined, token);
  expect(outcome(begun)).toEqual([200, undefined]);
  const { secret } = begun.body;
  const added = await auth(replica, 'POST /factors/totp/confirm', { code: totpCode(secret, Date.now()) }, token);
  expect(added.status).toBe(201);
  await forgetSteps(person.userId);
  return { ...person, token, secret, codes: added.body.recovery_codes };
}

async function addPasskey(token: string, device = new SoftwareAuthenticator(publicUrl), deviation: Deviation = {}) {
  const options = await auth(replica, 'POST /factors/passkeys/options', undefined, token);
  const response = device.create(options.body, deviation);
  const added = await auth(replica, 'POST /factors/passkeys', { response, name: 'Blue key' }, token);
  return { device, added };
}

describe('an authenticator app', () => {
  it('is added by a first code, with ten recovery codes, and its secret is in no event', async () => {
    const person = await newPerson();
    const token = await tokenOf(person);
    const begun = await auth(replica, 'POST /factors/totp', undefined, token);
    expect(begun.body.uri).toContain(`secret=${begun.body.secret}`);
    expect(decodeURIComponent(begun.body.uri)).toContain(person.email);
    expect(begun.body.svg).toMatch(/^<svg [^>]*viewBox/);
    const wrong = await auth(replica, 'POST /factors/totp/confirm', { code: '000000' }, token);
    expect(outcome(wrong)).toEqual([400, 'totp_code_wrong']);
    const code = totpCode(begun.body.secret, Date.now());
    const added = await auth(replica, 'POST /factors/totp/confirm', { code }, token);
    expect(added.status).toBe(201);
    expect(new Set(added.body.recovery_codes).size).toBe(10);
    expect((await auth(replica, 'GET /factors', undefined, token)).body).toMatchObject({
      factors: [{ factor_id: added.body.factor_id, kind: 'totp' }],
      recovery_codes_left: 10,
      fresh: true,
      demanded: false,
    });
    const events = await eventsOf(person.userId);
    expect(events.map(({ type }) => type)).toEqual(['factor.added', 'recovery_codes.made']);
    const stored = JSON.stringify([
      events,
      await stack.superuser('select * from identity.factors'),
      await stack.superuser('select * from identity.recovery_codes'),
    ]);
    for (const secret of [begun.body.secret, ...added.body.recovery_codes, person.email])
      expect(stored).not.toContain(secret);
    expect(replica.log()).not.toContain(begun.body.secret);
    expect(outcome(await auth(replica, 'POST /factors/totp/confirm', { code }, token))).toEqual([
      409,
      'totp_not_begun',
    ]);
  });

  it('is asked for at the next sign-in, and its code completes it', async () => {
    const person = await withTotp();
    const first = await signIn(replica, person);
    expect(outcome(first)).toEqual([401, 'second_factor_required']);
    expect(first.body).toMatchObject({ factors: ['totp', 'recovery'] });
    expect(JSON.stringify(first.body)).not.toContain('access_token');
    const done = await auth(replica, 'POST /login/totp', {
      challenge: first.body.challenge,
      code: totpCode(person.secret, Date.now()),
    });
    expect(done.status).toBe(200);
    const me = await auth(replica, 'GET /me', undefined, done.body.access_token);
    expect(me.body.methods).toEqual(expect.arrayContaining(['pwd', 'otp', 'mfa']));
  });

  it('shows a code that works once: not again in another sign-in, nor at two places at once', async () => {
    const person = await withTotp();
    const code = totpCode(person.secret, Date.now());
    const challenges = await challengesOf(person, 4);
    const answers = await Promise.all(
      challenges.map((challenge, i) => auth(i % 2 ? other : replica, 'POST /login/totp', { challenge, code })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    await forgetAttempts(person.userId);
    const again = await auth(replica, 'POST /login/totp', { challenge: await challengeOf(person), code });
    expect(outcome(again)).toEqual([401, 'second_factor_failed']);
  });

  it('takes the step before and the step after, and none that is earlier than one it took', async () => {
    const person = await withTotp();
    const at = async (deltaMs: number) =>
      (
        await auth(replica, 'POST /login/totp', {
          challenge: await challengeOf(person),
          code: totpCode(person.secret, Date.now() + deltaMs),
        })
      ).status;
    expect(await at(30_000)).toBe(200);
    expect(await at(0)).toBe(401);
    expect(await at(-30_000)).toBe(401);
    expect(await at(90_000)).toBe(401);
  });

  it('cannot be guessed: five wrong codes over all sign-ins and replicas, then the right one is refused, too', async () => {
    const person = await withTotp();
    const wrong = () => String(Math.floor(Math.random() * 1_000_000)).padStart(6, '0');
    const challenges = await challengesOf(person, 6);
    const tries = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        auth(i % 2 ? other : replica, 'POST /login/totp', { challenge: challenges[i % 5], code: wrong() }),
      ),
    );
    const looked = tries.filter(({ body }) => body.code === 'second_factor_failed');
    expect(looked.length).toBeLessThanOrEqual(5);
    expect(tries.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(15);
    const challenge = challenges[5];
    const right = await auth(replica, 'POST /login/totp', { challenge, code: totpCode(person.secret, Date.now()) });
    expect(outcome(right)).toEqual([429, 'rate_limited']);
    expect(Number(right.headers.get('retry-after'))).toBeGreaterThan(600);
    const paper = await auth(replica, 'POST /login/recovery', { challenge, code: person.codes[0] });
    expect(paper.status).toBe(429);
  });

  it('is one per person, and a begun one belongs to the session that began it', async () => {
    const person = await newPerson();
    const [one, two] = [await tokenOf(person), await tokenOf(person)];
    const { secret } = (await auth(replica, 'POST /factors/totp', undefined, one)).body;
    const code = totpCode(secret, Date.now());
    expect(outcome(await auth(replica, 'POST /factors/totp/confirm', { code }, two))).toEqual([409, 'totp_not_begun']);
    const both = await Promise.all([1, 2].map(() => auth(replica, 'POST /factors/totp/confirm', { code }, one)));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    await auth(replica, 'POST /factors/totp', undefined, one).then(async ({ body }) => {
      const second = { code: totpCode(body.secret, Date.now()) };
      expect(outcome(await auth(replica, 'POST /factors/totp/confirm', second, one))).toEqual([409, 'totp_exists']);
    });
  });
});

describe('recovery codes', () => {
  it('work once, also when two use one at the same moment', async () => {
    const person = await withTotp();
    const [code = '', next = ''] = person.codes;
    const challenges = await challengesOf(person, 4);
    const answers = await Promise.all(
      challenges.map((challenge, i) => auth(i % 2 ? other : replica, 'POST /login/recovery', { challenge, code })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    await forgetAttempts(person.userId);
    const typed = await auth(replica, 'POST /login/recovery', {
      challenge: await challengeOf(person),
      code: ` ${next.toLowerCase().replace('-', ' ')}`,
    });
    expect(typed.status).toBe(200);
    const used = (await eventsOf(person.userId)).filter(({ type }) => type === 'recovery_code.used');
    expect(used.map(({ data }) => data.left)).toEqual([9, 8]);
  });

  it('are of one person, and stop working when new ones are made', async () => {
    const [ann, bob] = [await withTotp(), await withTotp()];
    const foreign = await auth(replica, 'POST /login/recovery', {
      challenge: await challengeOf(ann),
      code: bob.codes[0],
    });
    expect(outcome(foreign)).toEqual([401, 'second_factor_failed']);
    const made = await auth(replica, 'POST /factors/recovery-codes', undefined, ann.token);
    expect([made.status, made.body.recovery_codes.length]).toEqual([201, 10]);
    const old = await auth(replica, 'POST /login/recovery', { challenge: await challengeOf(ann), code: ann.codes[1] });
    expect(outcome(old)).toEqual([401, 'second_factor_failed']);
  });
});

describe('a passkey', () => {
  let ann: Registered & { readonly token: string };
  let device: SoftwareAuthenticator;

  beforeAll(async () => {
    const person = await newPerson();
    ann = { ...person, token: await tokenOf(person) };
    const made = await addPasskey(ann.token);
    expect(made.added.body.recovery_codes).toHaveLength(10);
    device = made.device;
  });

  const optionsFor = async (challenge?: string) =>
    (await auth(replica, 'POST /login/passkey/options', { challenge })).body;
  const alone = async (deviation: Deviation = {}) =>
    auth(replica, 'POST /login/passkey', { response: device.get(await optionsFor(), deviation) });

  it('is kept under a name of its own, which no event shows', async () => {
    const { factors } = (await auth(replica, 'GET /factors', undefined, ann.token)).body;
    expect(factors).toMatchObject([{ kind: 'passkey', name: 'Blue key' }]);
    const renamed = await auth(replica, `PATCH /factors/${factors[0].factor_id}`, { name: 'Green key' }, ann.token);
    expect(renamed.body).toMatchObject({ name: 'Green key' });
    const stored = JSON.stringify([
      await eventsOf(ann.userId),
      await stack.superuser('select * from identity.factors'),
    ]);
    expect(stored).not.toMatch(/Blue key|Green key/);
    expect(stored).not.toContain(device.id);
  });

  it('is the second factor after a password, also without being asked for a finger', async () => {
    const first = await signIn(replica, ann);
    expect(first.body.factors).toEqual(['passkey', 'recovery']);
    const { challenge } = first.body;
    const options = await optionsFor(challenge);
    expect(options.allowCredentials).toMatchObject([{ id: device.id }]);
    const done = await auth(replica, 'POST /login/passkey', {
      challenge,
      response: device.get(options, { userVerified: false }),
    });
    expect(done.status).toBe(200);
  });

  it('signs in alone, and names nobody before it does', async () => {
    const options = await optionsFor();
    expect(options).toMatchObject({ rpId: 'gate.example', userVerification: 'required' });
    expect(options.allowCredentials ?? []).toEqual([]);
    const done = await alone();
    expect(done.status).toBe(200);
    const me = await auth(replica, 'GET /me', undefined, done.body.access_token);
    expect(me.body).toMatchObject({ id: ann.userId });
    expect(me.body.methods).toEqual(expect.arrayContaining(['hwk', 'mfa']));
  });

  it.each<[string, Deviation]>([
    ['made on another site', { origin: 'https://evil.example' }],
    ['made for another host', { rpId: 'evil.example' }],
    ['nobody was asked who he is', { userVerified: false }],
    ['signed with another key', { key: new SoftwareAuthenticator(publicUrl).privateKey }],
    ['of another user', { userHandle: Buffer.alloc(16, 1).toString('base64url') }],
    ['signed a challenge of the attacker', { challenge: Buffer.alloc(54, 1).toString('base64url') }],
  ])('does not sign in when the answer is %s', async (_what, deviation) => {
    expect(outcome(await alone(deviation))).toEqual([401, 'second_factor_failed']);
  });

  it('is not accepted twice with one answer, nor by two replicas at once', async () => {
    const response = device.get(await optionsFor());
    const answers = await Promise.all(
      [replica, other, replica, other].map((each) => auth(each, 'POST /login/passkey', { response })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    expect(outcome(await auth(other, 'POST /login/passkey', { response }))).toEqual([401, 'second_factor_failed']);
  });

  it('answers one question only: not that of another sign-in, nor one for another purpose', async () => {
    const [one, two] = [await challengeOf(ann), await challengeOf(ann)];
    const response = device.get(await optionsFor(one));
    expect(outcome(await auth(replica, 'POST /login/passkey', { challenge: two, response }))).toEqual([
      401,
      'second_factor_failed',
    ]);
    expect(outcome(await auth(replica, 'POST /login/passkey', { response }))).toEqual([401, 'second_factor_failed']);
    const proof = device.get((await auth(replica, 'POST /factors/proof/options', undefined, ann.token)).body);
    expect(outcome(await auth(replica, 'POST /login/passkey', { response: proof }))).toEqual([
      401,
      'second_factor_failed',
    ]);
    expect((await auth(replica, 'POST /login/passkey', { challenge: one, response })).status).toBe(200);
  });

  it("of somebody else is no second factor of one's own", async () => {
    const bob = await newPerson();
    const made = await addPasskey(await tokenOf(bob));
    const challenge = await challengeOf(ann);
    const response = made.device.get(await optionsFor(challenge));
    expect(outcome(await auth(replica, 'POST /login/passkey', { challenge, response }))).toEqual([
      401,
      'second_factor_failed',
    ]);
  });

  it('cannot be registered by a second person, who would then sign in as the first', async () => {
    const mallory = await tokenOf(await newPerson());
    const copy = new SoftwareAuthenticator(publicUrl);
    Object.assign(copy, { id: device.id });
    expect(outcome((await addPasskey(mallory, copy)).added)).toEqual([409, 'passkey_known']);
  });

  it.each<[string, Deviation]>([
    ['another site', { origin: 'https://evil.example' }],
    ['another host', { rpId: 'evil.example' }],
    ['a challenge that was not given', { challenge: 'AAAA' }],
  ])('is not added for %s', async (_what, deviation) => {
    const { added } = await addPasskey(ann.token, new SoftwareAuthenticator(publicUrl), deviation);
    expect(outcome(added)).toEqual([400, 'passkey_not_accepted']);
  });

  it('whose counter goes back is refused, and an event says so', async () => {
    expect((await alone({ counter: 50 })).status).toBe(200);
    expect(outcome(await alone({ counter: 50 }))).toEqual([401, 'second_factor_failed']);
    expect(outcome(await alone({ counter: 7 }))).toEqual([401, 'second_factor_failed']);
    const regressed = (await eventsOf(ann.userId)).filter(({ type }) => type === 'passkey.counter_regressed');
    expect(regressed).toHaveLength(2);
    // Without the right signature it tells nothing of the passkey, and nothing is recorded.
    const forged = { counter: 3, key: new SoftwareAuthenticator(publicUrl).privateKey };
    expect((await alone(forged)).status).toBe(401);
    const after = (await eventsOf(ann.userId)).filter(({ type }) => type === 'passkey.counter_regressed');
    expect(after).toHaveLength(2);
    expect((await alone({ counter: 51 })).status).toBe(200);
  });
});

describe('what is held on a person', () => {
  it('is shown without secrets, and is gone after an erasure', async () => {
    const person = await withTotp();
    await addPasskey(person.token);
    const system = new pg.Pool({ connectionString: String(stack.env().DATABASE_SYSTEM_URL), max: 1 });
    const subjectKeys = new SubjectKeys(system, loadRootKey(String(stack.env().ROOT_KEY_FILE)));
    const held = factorsOfPerson({ system, subjectKeys });
    const shown = await held.read(person.userId);
    expect(shown).toMatchObject([{ kind: 'totp' }, { kind: 'passkey', name: 'Blue key' }]);
    expect(JSON.stringify(shown)).not.toContain(person.secret);
    // Two factors, ten codes.
    expect(await held.erase(person.userId)).toBeGreaterThanOrEqual(12);
    expect(await held.erase(person.userId)).toBe(0);
    for (const table of ['factors', 'recovery_codes', 'factor_attempts', 'totp_enrolments', 'factor_proofs'])
      expect(await stack.superuser(`select 1 from identity.${table} where user_id = $1`, [person.userId])).toEqual([]);
    await system.end();
  });
});

describe('changing second factors', () => {
  /** A thief has a session that was begun an hour ago. */
  async function makeOld(token: string): Promise<void> {
    const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string };
    const hourAgo = new Date(Date.now() - 3_600_000).toISOString();
    await stack.superuser(
      `update identity.events set envelope = regexp_replace(envelope::text, '"occurredAt":"[^"]*"', $2)
       where stream_id = $1`,
      [`session:${sid}`, `"occurredAt":"${hourAgo}"`],
    );
  }

  it('needs a sign-in or a proof of the last ten minutes', async () => {
    const person = await newPerson();
    const token = await tokenOf(person);
    await makeOld(token);
    for (const what of ['totp', 'passkeys/options', 'recovery-codes'])
      expect(outcome(await auth(replica, `POST /factors/${what}`, undefined, token))).toEqual([
        403,
        'fresh_proof_required',
      ]);
    const wrong = await auth(replica, 'POST /factors/proof', { password: 'not this one at all' }, token);
    expect(outcome(wrong)).toEqual([401, 'second_factor_failed']);
    expect((await auth(replica, 'POST /factors/proof', { password: person.password }, token)).status).toBe(200);
    expect((await auth(replica, 'POST /factors/totp', undefined, token)).status).toBe(200);
  });

  it('needs the factor once there is one: a password may be what was stolen', async () => {
    const person = await withTotp();
    await makeOld(person.token);
    const { factor_id: id } = (await auth(replica, 'GET /factors', undefined, person.token)).body.factors[0];
    const remove = () => auth(replica, `DELETE /factors/${id}`, undefined, person.token);
    expect(outcome(await remove())).toEqual([403, 'fresh_proof_required']);
    const weak = await auth(replica, 'POST /factors/proof', { password: person.password }, person.token);
    expect(outcome(weak)).toEqual([401, 'second_factor_failed']);
    expect(outcome(await remove())).toEqual([403, 'fresh_proof_required']);
    const code = totpCode(person.secret, Date.now());
    expect((await auth(replica, 'POST /factors/proof', { code }, person.token)).status).toBe(200);
    expect((await remove()).body).toEqual({ factors_left: 0 });
    expect((await auth(replica, 'GET /factors', undefined, person.token)).body).toMatchObject({
      factors: [],
      recovery_codes_left: 0,
    });
    expect((await signIn(replica, person)).status).toBe(200);
  });

  it('is for the person alone: no stranger finds the factor, no key and no session that ended may ask', async () => {
    const person = await withTotp();
    const { factor_id: id } = (await auth(replica, 'GET /factors', undefined, person.token)).body.factors[0];
    const stranger = await tokenOf(await newPerson());
    expect(outcome(await auth(replica, `DELETE /factors/${id}`, undefined, stranger))).toEqual([
      404,
      'factor_not_found',
    ]);
    expect(outcome(await auth(replica, `DELETE /factors/${randomUUID()}`, undefined, person.token))).toEqual([
      404,
      'factor_not_found',
    ]);
    expect((await auth(replica, 'GET /factors')).status).toBe(401);
    await auth(replica, 'POST /logout', {}, person.token);
    const after = await waitFor(async () => {
      const answer = await auth(replica, `DELETE /factors/${id}`, undefined, person.token);
      return answer.status >= 400 && answer;
    });
    expect([401, 403]).toContain(after.status);
  });
});

describe('a sign-in that demands a second factor', () => {
  let owner: Registered;
  let tenant: string;

  beforeEach(async () => {
    owner = await newPerson();
    tenant = `acme-${count}`;
    const key = await tokenOf(owner);
    const made = await api(replica, 'POST /organizations', { key, body: { id: tenant, name: 'Acme' } });
    expect(made.status).toBe(201);
    const headers = { 'x-tenant-id': tenant };
    await waitFor(async () => {
      const changed = await api(replica, 'PATCH /tenant', { key, headers, body: { requireSecondFactor: true } });
      return changed.status === 200;
    });
  });

  it('lets the person add a first one and nothing else, and is complete with it', async () => {
    const first = await signIn(replica, owner, { tenant: tenant });
    expect(first.body).toMatchObject({ code: 'second_factor_required', factors: [] });
    const { challenge } = first.body;
    expect((await auth(replica, 'GET /factors', undefined, challenge)).status).toBe(401);
    const { secret } = (await auth(replica, 'POST /login/enrol/totp', { challenge })).body;
    const done = await auth(replica, 'POST /login/enrol/totp/confirm', {
      challenge,
      code: totpCode(secret, Date.now()),
    });
    expect(done.status).toBe(201);
    expect(done.body).toMatchObject({
      tenant: tenant,
      recovery_codes: expect.arrayContaining([expect.any(String)]),
    });
    expect(outcome(await auth(replica, 'POST /login/enrol/totp', { challenge }))).toEqual([401, 'challenge_invalid']);
    const { factors, demanded } = (await auth(replica, 'GET /factors', undefined, done.body.access_token)).body;
    expect(demanded).toBe(true);
    const last = await auth(replica, `DELETE /factors/${factors[0].factor_id}`, undefined, done.body.access_token);
    expect(outcome(last)).toEqual([409, 'last_factor']);
  });

  it('takes a passkey as the first one', async () => {
    const { challenge } = (await signIn(replica, owner, { tenant: tenant })).body;
    const device = new SoftwareAuthenticator(publicUrl);
    const options = (await auth(replica, 'POST /login/enrol/passkey/options', { challenge })).body;
    const response = device.create(options);
    const done = await auth(replica, 'POST /login/enrol/passkey', { challenge, response, name: 'Key' });
    expect(done.status).toBe(201);
    expect((await auth(replica, 'GET /me', undefined, done.body.access_token)).body.methods).toContain('hwk');
  });

  it('is no way around a factor that exists: neither one added before, nor one added meanwhile', async () => {
    const person = await withTotp();
    const challenge = await challengeOf(person);
    for (const what of ['totp', 'passkey/options'])
      expect(outcome(await auth(replica, `POST /login/enrol/${what}`, { challenge }))).toEqual([
        409,
        'already_enrolled',
      ]);

    const [early, late] = [
      await signIn(replica, owner, { tenant: tenant }),
      await signIn(replica, owner, { tenant: tenant }),
    ];
    const thief = early.body.challenge;
    const options = (await auth(replica, 'POST /login/enrol/passkey/options', { challenge: thief })).body;
    const { secret } = (await auth(replica, 'POST /login/enrol/totp', { challenge: late.body.challenge })).body;
    const code = totpCode(secret, Date.now());
    expect(
      (await auth(replica, 'POST /login/enrol/totp/confirm', { challenge: late.body.challenge, code })).status,
    ).toBe(201);
    const response = new SoftwareAuthenticator(publicUrl).create(options);
    const robbed = await auth(replica, 'POST /login/enrol/passkey', { challenge: thief, response, name: 'Key' });
    expect(outcome(robbed)).toEqual([409, 'already_enrolled']);
  });
});
