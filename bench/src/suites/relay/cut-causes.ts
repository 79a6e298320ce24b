import { randomUUID } from 'node:crypto';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import { waitFor } from '@gatehouse/testing';
import type { Stack } from '../../stack.js';
import { registerPerson, signInPerson } from '../people.js';
import type { Bench, Who } from './cut-sessions.js';

/** Callers that are made ready together. */
const atOnce = 10;

export interface Caller {
  /** The operator, unless given. */
  readonly who?: Who;
  /** Its own; else the one that is shared. */
  readonly device?: ApprovedDevice;
  readonly revoke: () => Promise<unknown>;
}

/** Calls as the operator. @throws for any answer but a good one */
const callerOf =
  (key: string) =>
  async (url: string, body: object | undefined, method = 'POST') => {
    const answer = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname}: ${answer.status} ${text}`);
    // biome-ignore lint/suspicious/noExplicitAny: answers of which a few members are read
    return (text ? JSON.parse(text) : undefined) as any;
  };

/** By what is gone: so many callers with a session each, and how it is taken from them. */
export function causesOf(stack: Stack, bench: Bench): Record<string, (count: number) => Promise<Caller[]>> {
  const { identity, policy } = stack.services;
  const { tenantId } = bench.operator;
  const call = callerOf(stack.key);
  const newKey = async (roles: readonly string[]) => {
    const name = `bench-${randomUUID().slice(0, 13)}`;
    const { keyId } = await call(`${identity}/api/v1/identity/keys`, { name, roles });
    const who: Who = { tenantId, subject: { type: 'service', id: name }, credential: keyId };
    return { who, keyId };
  };
  const known = (keyId: string) => async () =>
    (await bench.database.query('select from relay.known_keys where key_id = $1', [keyId])).rows.length > 0;
  const granted = (subject: string, tenant: string) => async () =>
    (
      await bench.database.query('select from policy.grants where tenant_id = $1 and subject_id = $2 and active', [
        tenant,
        subject,
      ])
    ).rows.length > 0;
  const patient = { timeoutMs: 60_000, message: 'policy and the relay know whom a session is for' };
  const times = async (count: number, make: (i: number) => Promise<Caller>): Promise<Caller[]> => {
    const callers: Caller[] = [];
    for (let i = 0; i < count; i += atOnce)
      callers.push(...(await Promise.all(Array.from({ length: Math.min(atOnce, count - i) }, (_, j) => make(i + j)))));
    return callers;
  };
  return {
    'a key is disabled': (count) =>
      times(count, async () => {
        const { who, keyId } = await newKey(['developer']);
        await waitFor(known(keyId), patient);
        await waitFor(granted(who.subject.id, tenantId), patient);
        return { who, revoke: () => call(`${identity}/api/v1/identity/keys/${keyId}/disable`, {}) };
      }),
    'a role is revoked': (count) =>
      times(count, async () => {
        const { who, keyId } = await newKey([]);
        const { grantId } = await call(`${policy}/api/v1/policy/grants`, { subject: who.subject, role: 'developer' });
        await waitFor(known(keyId), patient);
        await waitFor(granted(who.subject.id, tenantId), patient);
        return { who, revoke: () => call(`${policy}/api/v1/policy/grants/${grantId}`, undefined, 'DELETE') };
      }),
    'a user is disabled': async (count) => {
      const people = await times(count, async (i) => {
        const email = `cut-${i}@bench.example`;
        const from = `127.0.${i + 1}.1`;
        await registerPerson(String(identity), stack.mail, email, from);
        const { userId, sessionId } = await signInPerson(String(identity), email, from);
        const personal = `p-${userId}`;
        await waitFor(granted(userId, personal), patient);
        const who: Who = { tenantId: personal, subject: { type: 'user', id: userId }, credential: sessionId };
        return { who, revoke: () => call(`${identity}/api/v1/identity/users/${userId}/disable`, {}) };
      });
      const devices = await bench.approve(
        count,
        people.map(({ who }) => who?.tenantId ?? ''),
      );
      return people.map((person, i) => ({ ...person, ...(devices[i] && { device: devices[i] }) }));
    },
    'a device is removed': async (count) => {
      const devices = await bench.approve(count);
      return devices.map((device) => ({ device, revoke: () => bench.registry.remove(device) }));
    },
  };
}
