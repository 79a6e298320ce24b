import { randomUUID } from 'node:crypto';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import { waitFor } from '@gatehouse/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ConnectedDevice,
  connectClient,
  connectDevice,
  type Dialled,
  type Opened,
  openStream,
} from './device.fixture.js';
import type { RelayStack, SharedRelays, Somebody, TestRelay } from './relay-stack.fixture.js';

export function revocationCases(shared: () => SharedRelays): void {
  let stack: RelayStack;
  let relay: TestRelay;
  let keeper: Somebody;
  let device: ApprovedDevice;
  let there: ConnectedDevice;
  let client: Dialled;

  beforeAll(async () => {
    ({ stack, one: relay, ada: keeper } = shared());
    device = await stack.registry.approve('acme');
    there = await connectDevice(stack, device, relay.port);
    client = await connectClient(stack, relay.port);
  });

  interface Held {
    readonly sid: string;
    readonly session: Opened;
  }

  async function hold(who: Somebody, on = device, changes: object = {}): Promise<Held> {
    const sid = randomUUID();
    const session = await openStream(client, stack.grant(who, on.deviceId, { sid, ...changes }));
    if (session.answer.type !== 'opened') throw new Error(JSON.stringify(session.answer));
    return { sid, session };
  }

  const isAlive = async ({ session }: Held) => String(await session.echo(Buffer.from('still here'))) === 'still here';

  /** The session's stream was reset, the device was told, and it is recorded with why. */
  async function expectCut({ sid, session }: Held, cause: string, on = there) {
    expect(await session.over).toMatchObject({ code: 'revoked' });
    await waitFor(() =>
      on.heard.find((word) => word.type === 'end_session' && word.sid === sid && word.code === 'revoked'),
    );
    const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0]);
    const revoked = (await stack.events('device.session.revoked', sid))[0];
    expect(revoked?.data.cause).toBe(cause);
    return { ended, revoked };
  }

  describe('a session is cut, and the others go on,', () => {
    it('when a role is taken away', async () => {
      const ada = await stack.somebody('acme', 'ada-role', ['owner']);
      const [hers, others] = [await hold(ada), await hold(keeper)];
      const { rows } = await stack.superuser.query(
        `select grant_id from policy.grants where tenant_id = 'acme' and subject_id = 'ada-role' and active`,
      );
      const answer = await fetch(`${stack.policy.address}/api/v1/policy/grants/${rows[0].grant_id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${keeper.key}` },
      });
      expect(answer.ok).toBe(true);
      const { ended, revoked } = await expectCut(hers, 'role.revoked');
      expect(ended.data.reason).toBe('revoked');
      // The decision that ended it is in policy's log.
      const decided = await stack.superuser.query('select envelope from policy.events where id = $1', [
        revoked?.data.decision,
      ]);
      expect(JSON.parse(decided.rows[0].envelope).data).toMatchObject({
        decision: false,
        action: 'device.shell',
        noted: { session: hers.sid },
      });
      expect(await isAlive(others)).toBe(true);
      // Nor does the grant, which still holds for minutes, open another one.
      const again = await openStream(client, stack.grant(ada, device.deviceId));
      expect(again.answer).toMatchObject({ type: 'refused', code: 'revoked' });
    });

    it('when the key is disabled that its caller came with', async () => {
      const bea = await stack.somebody('acme', 'bea-key', ['owner']);
      const [hers, others] = [await hold(bea), await hold(keeper)];
      await stack.identity.publish('acme', 'key.disabled', { keyId: bea.keyId });
      await expectCut(hers, 'credential');
      expect(await isAlive(others)).toBe(true);
    });

    it('when a person leaves, or her sign-in ends', async () => {
      const [userId, stays] = [randomUUID(), randomUUID()];
      const tenantId = 'people';
      await stack.identity.publish(tenantId, 'tenant.created', { tenantId, name: tenantId, ownerId: stays });
      await stack.identity.publish(tenantId, 'member.added', { userId, role: 'owner' });
      const granted = async () => {
        const { rows } = await stack.superuser.query(
          `select from policy.grants where tenant_id = $1 and subject_id = any($2) and active`,
          [tenantId, [userId, stays]],
        );
        const known = await stack.superuser.query(`select from relay.known_members where tenant_id = $1`, [tenantId]);
        return rows.length >= 2 && known.rows.length >= 2;
      };
      await waitFor(granted, { message: 'policy and relay know the members' });
      const theirs = await stack.registry.approve(tenantId);
      const connected = await connectDevice(stack, theirs, relay.port);
      const person = (id: string, credential: string) => ({ subject: { type: 'user', id }, credential, tenantId });
      const nobody = { tenantId, id: '', key: '', keyId: '' };
      const leaving = await hold(nobody, theirs, person(userId, 'sign-in-1'));
      const signedOut = await hold(nobody, theirs, person(stays, 'sign-in-2'));
      const staying = await hold(nobody, theirs, person(stays, 'sign-in-3'));
      await stack.identity.publish(tenantId, 'session.ended', { sessionId: 'sign-in-2' });
      await expectCut(signedOut, 'credential', connected);
      await stack.identity.publish(tenantId, 'member.removed', { userId });
      expect(await leaving.session.over).toMatchObject({ code: 'revoked' });
      expect(await isAlive(staying)).toBe(true);
      const started = (await stack.events('device.session.started', staying.sid))[0];
      expect(started?.data.source).toMatch(/^p_/);
    });

    it('when its device is removed', async () => {
      const second = await stack.registry.approve('acme');
      const connected = await connectDevice(stack, second, relay.port);
      const [onIt, onOther] = [await hold(keeper, second), await hold(keeper)];
      await stack.registry.remove(second);
      expect(await onIt.session.over).toMatchObject({ code: 'revoked' });
      expect((await connected.closed).code).toBe('removed');
      const ended = await waitFor(async () => (await stack.events('device.session.ended', onIt.sid))[0]);
      expect(ended.data.reason).toBe('removed');
      expect(await isAlive(onOther)).toBe(true);
    });

    it('when somebody who may says so', async () => {
      const viewer = await stack.somebody('acme', 'looker', ['viewer']);
      const [cut, others] = [await hold(keeper), await hold(keeper)];
      const url = `${await relay.service.app.getUrl()}/api/v1/relay/sessions`;
      const ask = async (path: string, who: Somebody, method = 'GET') =>
        fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${who.key}` } });
      await waitFor(async () => (await (await ask('?limit=500', keeper)).text()).includes(cut.sid));
      expect((await ask(`/${cut.sid}`, viewer, 'DELETE')).status).toBe(403);
      expect((await ask(`/${randomUUID()}`, keeper, 'DELETE')).status).toBe(404);
      expect((await ask(`/${cut.sid}`, keeper, 'DELETE')).ok).toBe(true);
      await expectCut(cut, 'cut');
      expect(await isAlive(others)).toBe(true);
    });
  });
}
