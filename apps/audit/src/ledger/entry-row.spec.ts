import type { Envelope } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import { entryBytes, toEntryRow } from './entry-row.js';

const envelope = (changes: Partial<Envelope>): Envelope => ({
  id: '01a20134-e729-7596-abd6-b6d92384d208',
  type: 'key.created',
  version: 1,
  tenantId: 'main',
  streamId: 'key:1',
  revision: 1,
  occurredAt: '2026-11-22T10:00:00.000Z',
  actor: { type: 'service', id: 'ci' },
  correlationId: 'c',
  data: {},
  ...changes,
});
const row = (changes: Partial<Envelope>) => toEntryRow({ envelope: envelope(changes), source: 'identity' });
const decided = (data: object) => row({ type: 'decision.recorded', data: data as Record<string, unknown> });

describe('the columns of an entry', () => {
  it('copy the envelope', () => {
    expect(row({})).toEqual({
      eventId: '01a20134-e729-7596-abd6-b6d92384d208',
      tenantId: 'main',
      source: 'identity',
      type: 'key.created',
      version: 1,
      actorType: 'service',
      actorId: 'ci',
      subjectType: '',
      subjectId: '',
      subjectIds: '',
      action: '',
      resource: '',
      decision: '',
      streamId: 'key:1',
      correlationId: 'c',
      occurredAt: '2026-11-22T10:00:00.000Z',
    });
  });

  it('name the device, and who did something on it', () => {
    const data = { deviceId: 'd1', subject: { type: 'user', id: 'ann' }, decision: 'none of its own' };
    expect(row({ type: 'device.session.started', data })).toMatchObject({
      subjectType: 'user',
      subjectId: 'ann',
      resource: 'device/d1',
      decision: '',
    });
    expect(row({ type: 'tunnel.closed', data: { deviceId: 'd1' } })).toMatchObject({
      subjectId: '',
      resource: 'device/d1',
    });
    expect(row({ type: 'devices.counted', data })).toMatchObject({ subjectId: '', resource: '' });
  });

  it('say of a decision whom it was about, and what was decided', () => {
    const data = {
      subject: { type: 'user', id: 'developer-07' },
      action: 'secret.read',
      resource: { type: 'prod', id: 'DATABASE_URL' },
      decision: false,
    };
    expect(decided(data)).toMatchObject({
      subjectType: 'user',
      subjectId: 'developer-07',
      action: 'secret.read',
      resource: 'prod/DATABASE_URL',
      decision: 'false',
    });
    expect(row({ data })).toMatchObject({ subjectId: '', decision: '' });
  });

  it('say of a batch what all its decisions say, and every subject where there are several', () => {
    const item = (id: string, decision: boolean) => ({
      subject: { type: 'user', id },
      action: 'secret.read',
      resource: { type: 'prod', id: 'DATABASE_URL' },
      decision,
    });
    const batch = (items: unknown) => row({ type: 'decisions.recorded', data: { items } });
    expect(batch([item('ann', true), item('ann', false)])).toMatchObject({
      subjectId: 'ann',
      subjectIds: '',
      action: 'secret.read',
      resource: 'prod/DATABASE_URL',
      decision: '',
    });
    expect(batch([item('ann', true), item('bob', true), item('ann', true)])).toMatchObject({
      subjectType: '',
      subjectId: '',
      subjectIds: 'ann\x1fbob',
      decision: 'true',
    });
    for (const items of [[], 'text', [null], undefined])
      expect(batch(items)).toMatchObject({ subjectId: '', action: '', decision: '' });
  });

  it.each([
    {},
    { subject: null, resource: null, action: null, decision: null },
    { subject: 'x', resource: [], action: {}, decision: 'true' },
    { subject: { id: 7 }, resource: { type: {} }, action: 7, decision: 1 },
  ])('tolerate any decision: %j', (data) => {
    expect(decided(data)).toMatchObject({ subjectType: '', subjectId: '', action: '', decision: '' });
  });

  it('hold no control character, which would divide or end a value on its way to the server', () => {
    const all = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('');
    const { actorId } = row({ actor: { type: 'service', id: `a${all}b` } });
    expect(actorId).toBe(`a${'\ufffd'.repeat(32)}b`);
  });

  it('are short enough for an index, four bytes a character', () => {
    const { actorId } = row({ actor: { type: 'service', id: '𝕏'.repeat(5_000) } });
    expect(Buffer.byteLength(actorId)).toBeLessThan(1_300);
  });
});

describe('the bytes of an entry', () => {
  it('are the text as it was received', () => {
    expect(entryBytes('{"a":"é"}')).toEqual(Buffer.from('{"a":"é"}', 'utf8'));
  });

  it('are at most what an entry bundle can hold', () => {
    expect(entryBytes('x'.repeat(65_535))).toHaveLength(65_535);
    expect(() => entryBytes('é'.repeat(32_768))).toThrow(RangeError);
  });
});
