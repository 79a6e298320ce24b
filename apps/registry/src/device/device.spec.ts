import type { Envelope, RegistrationRequested } from '@gatehouse/contracts';
import { fold, type NewEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import { approveRegistration } from '../registration/approve-registration/approve-registration.js';
import { fetchKey, mayHearAgain } from '../registration/fetch-key/fetch-key.js';
import { pendingMs, refetchMs } from '../registration/registration-terms.js';
import { liftRejection, rejectRegistration } from '../registration/reject-registration/reject-registration.js';
import { requestRegistration } from '../registration/request-registration/request-registration.js';
import { changeDevice, changeGroups, changeLabels, rotateKeys } from './change-device/change-device.js';
import { type Device, deviceDecider } from './device.js';
import { removeDevice } from './remove-device/remove-device.js';

const start = Date.parse('2026-11-22T12:00:00.000Z');
const keys = { identity: 'i', session: 's', fingerprint: 'f' };
const owner = { type: 'org', id: 'acme' };
const description = { hostname: 'h', platform: 'p', architecture: 'a', version: 'v' };
const request = (requestId: string, changes: Partial<RegistrationRequested> = {}): RegistrationRequested => ({
  ...{ requestId, deviceId: 'd', keys, description, addresses: [] },
  ...changes,
});
const approval = (requestId: string, now = start) => ({
  ...{ requestId, name: 'name', owner, labels: undefined, fingerprint: undefined, now },
});
const key = (keyId: string, nonce?: string) => ({ keyId, prefix: 'p', lookup: 'l', ...(nonce && { nonce }) });

type Step = (device: Device) => readonly NewEvent[];
/** Each step may say when it happens. */
const after = (...steps: (Step | readonly [Step, number])[]): Device =>
  steps.reduce<Device>((state, step) => {
    const [decide, at] = typeof step === 'function' ? [step, start] : step;
    const occurredAt = new Date(at).toISOString();
    const events = decide(state).map((event) => ({ ...event, occurredAt }));
    return fold(deviceDecider, events as unknown as Envelope[], state);
  }, deviceDecider.initialState);
const asked = requestRegistration(request('r1'), start);
const approved = [asked, approveRegistration(approval('r1'))] as const;
const types = (events: readonly NewEvent[]) => events.map(({ type }) => type);
const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('a registration', () => {
  it('is the same while it waits, and another one with another session key or after its time', () => {
    const state = after(asked);
    expect(requestRegistration(request('r2'), start + pendingMs - 1)(state)).toEqual([]);
    expect(requestRegistration(request('r2'), start + pendingMs)(state)).toHaveLength(1);
    const other = request('r2', { keys: { ...keys, session: 't' } });
    expect(requestRegistration(other, start)(state)).toHaveLength(1);
  });

  it('is approved once, not when it was decided otherwise, has expired, or is another one', () => {
    expect(approveRegistration(approval('r1'))(after(...approved))).toEqual([]);
    const refusals: [Step, Device, string][] = [
      [approveRegistration(approval('r1', start + pendingMs)), after(asked), 'registration_expired'],
      [approveRegistration(approval('r0')), after(asked), 'registration_decided'],
      [approveRegistration(approval('r1')), after(asked, rejectRegistration('r1', '')), 'registration_decided'],
      [approveRegistration({ ...approval('r1'), fingerprint: 'g' }), after(asked), 'fingerprint_differs'],
      [rejectRegistration('r1', ''), after(...approved), 'registration_decided'],
      [approveRegistration(approval('r1')), after(asked, removeDevice('expired')), 'not_found'],
      [requestRegistration(request('r2'), start), after(asked, rejectRegistration('r1', '')), 'registration_rejected'],
      [requestRegistration(request('r2'), start), after(asked, removeDevice('x')), 'not_found'],
    ];
    for (const [decide, state, code] of refusals) expect(codeOf(() => decide(state))).toBe(code);
  });

  it('may be made again after a rejection was lifted', () => {
    const lifted = after(asked, rejectRegistration('r1', ''), liftRejection);
    expect(types(requestRegistration(request('r2'), start)(lifted))).toEqual(['device.registration.requested']);
  });

  it('of an approved device changes nothing of it, whatever becomes of it, but that an approval ends its old key', () => {
    const known = [...approved, fetchKey('r1', key('k1'), start), requestRegistration(request('r2'), start)] as const;
    expect(after(...known)).toMatchObject({ status: 'approved', name: 'name', apiKey: { keyId: 'k1' } });
    expect(after(...known, rejectRegistration('r2', ''))).toMatchObject({
      status: 'approved',
      apiKey: { keyId: 'k1' },
    });
    const again = approveRegistration({ ...approval('r2'), name: 'other', owner: { type: 'user', id: 'u' } });
    expect(types(again(after(...known)))).toEqual(['device.key.revoked', 'device.registration.approved']);
    expect(after(...known, again)).toMatchObject({ name: 'name', owner, apiKey: undefined });
  });
});

describe('the key of a device', () => {
  it('is minted for an approval once', () => {
    const state = after(...approved, fetchKey('r1', key('k1'), start));
    expect(fetchKey('r1', key('k2'), start)(state)).toEqual([]);
    for (const bad of [after(asked), after(asked, rejectRegistration('r1', ''))])
      expect(codeOf(() => fetchKey('r1', key('k1'), start)(bad))).toBe('not_found');
    expect(codeOf(() => fetchKey('r0', key('k1'), start)(state))).toBe('not_found');
  });

  it('that ends may be followed by another from half of its time on, which ends it', () => {
    const hour = 3_600_000;
    const ending = { ...key('k1'), expiresAt: new Date(start + 2 * hour).toISOString() };
    const state = after(...approved, fetchKey('r1', ending, start));
    expect(fetchKey('r1', key('k2'), start + hour - 60_000)(state)).toEqual([]);
    for (const now of [start + hour + 60_000, start + 9 * hour])
      expect(fetchKey('r1', key('k2'), now)(state).map(({ type }) => type)).toEqual([
        'device.key.revoked',
        'device.key.issued',
      ]);
  });

  it('is heard again by the holder of its nonce, for a while', () => {
    const state = after(...approved, fetchKey('r1', key('k1', 'n'), start));
    expect(mayHearAgain(state, 'r1', 'n', start + refetchMs - 1)).toBe(true);
    const no = [
      mayHearAgain(state, 'r1', 'n', start + refetchMs),
      mayHearAgain(state, 'r1', 'm', start),
      mayHearAgain(state, 'r1', undefined, start),
      mayHearAgain(state, 'r2', 'n', start),
      mayHearAgain(after(...approved, fetchKey('r1', key('k1'), start)), 'r1', undefined, start),
    ];
    expect(no).toEqual(no.map(() => false));
  });
});

describe('an approved device', () => {
  const device = after(...approved);

  it('is changed by what is new, and by nothing else', () => {
    const same = [
      changeDevice({ name: 'name', owner, settings: { record: false } })(device),
      changeLabels({ set: {}, remove: ['x'] })(device),
      changeGroups({ add: [], remove: ['x'] })(device),
      rotateKeys(keys)(device),
    ];
    expect(same).toEqual([[], [], [], []]);
    const changed = after(
      ...approved,
      changeDevice({ name: 'n2', owner: { type: 'user', id: 'u' }, settings: { record: true } }),
      changeLabels({ set: { a: '1', b: '2' }, remove: [] }),
      changeLabels({ set: { a: '3' }, remove: ['b'] }),
      changeGroups({ add: ['g', 'g', 'h'], remove: [] }),
      changeGroups({ add: [], remove: ['g'] }),
    );
    expect(changed).toMatchObject({
      ...{ name: 'n2', owner: { id: 'u' }, labels: { a: '3' }, groups: ['h'] },
      settings: { record: true, approveOnDevice: false },
    });
  });

  it('has bounds, and what is not approved cannot be changed', () => {
    const labels = Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`l${n}`, '']));
    expect(codeOf(() => changeLabels({ set: labels, remove: [] })(device))).toBe('conflict');
    const groups = Array.from({ length: 33 }, (_, n) => `g${n}`);
    expect(codeOf(() => changeGroups({ add: groups, remove: [] })(device))).toBe('conflict');
    for (const state of [after(asked), after(...approved, removeDevice('x'))])
      expect(codeOf(() => changeDevice({ name: 'n' })(state))).toBe('not_found');
  });

  it('is gone for good when it is removed, key first', () => {
    const gone = removeDevice('removed')(after(...approved, fetchKey('r1', key('k1'), start)));
    expect(types(gone)).toEqual(['device.key.revoked', 'device.removed']);
    expect(removeDevice('removed')(after(...approved, removeDevice('removed')))).toEqual([]);
  });
});
