import type { Envelope } from '@gatehouse/contracts';
import { canonicalJson } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import { mayBeDisclosure, recordedDisclosure } from './recorded-disclosure.js';

const secretId = '0190a1b2-0000-7000-8000-000000000001';
const event = (changes: Partial<Envelope> = {}, data: object = {}): Envelope => ({
  id: '0190a1b2-0000-7000-8000-000000000002',
  type: 'decision.recorded',
  version: 1,
  tenantId: 'acme',
  streamId: 'decision:1',
  revision: 1,
  occurredAt: '2026-11-22T10:00:00.000Z',
  actor: { type: 'gatehouse', id: 'vault' },
  correlationId: '0'.repeat(32),
  ...changes,
  data: {
    subject: { type: 'service', id: 'developer-07' },
    action: 'secret.read',
    resource: { type: 'secret', id: 'prod/DATABASE_URL' },
    decision: false,
    reason: 'no_permit',
    noted: { version: 3, secretId, credential: 'key-1' },
    ...data,
  },
});

describe('a disclosure', () => {
  it('is what policy recorded before the vault gave a value, or refused it', () => {
    expect(recordedDisclosure(event())).toMatchObject({
      path: 'prod/DATABASE_URL',
      version: 3,
      secretId,
      credential: 'key-1',
      subject: { type: 'service', id: 'developer-07' },
      allowed: false,
    });
  });

  it.each([
    ['a tenant asked policy itself', event({ actor: { type: 'service', id: 'vault' } })],
    ['another service of ours asked', event({ actor: { type: 'gatehouse', id: 'registry' } })],
    ['something else was to be done', event({}, { action: 'secret.write' })],
    ['it was about something else', event({}, { resource: { type: 'scope', id: 'prod' } })],
    ['it is another event', event({ type: 'role.granted' })],
  ])('is none where %s', (_, envelope) => expect(recordedDisclosure(envelope)).toBeUndefined());

  it('is told by its text alone, and so is most of what is none', () => {
    const odd = [event(), event({}, { decision: true }), event({ source: { ip: '10.0.0.1' } })];
    for (const envelope of odd) expect(mayBeDisclosure(canonicalJson(envelope))).toBe(true);
    for (const id of ['registry', 'vault2', 'identity'])
      expect(mayBeDisclosure(canonicalJson(event({ actor: { type: 'gatehouse', id } })))).toBe(false);
  });

  it('has no version where what is noted is none', () => {
    for (const noted of [undefined, { version: -1, secretId: "'; drop" }, { version: 1.5 }, { version: '3' }])
      expect(recordedDisclosure(event({}, { noted }))).toMatchObject({ version: 0, secretId: null });
  });
});
