import type { Envelope } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import { entryView, summaryOf, toEntryView } from './entry-view.js';

const decision = (changes: object = {}): Envelope => ({
  id: '01a20134-e729-7596-abd6-b6d92384d208',
  type: 'decision.recorded',
  version: 1,
  tenantId: 'main',
  streamId: 'decision:1',
  revision: 1,
  occurredAt: '2026-11-22T12:47:00.000Z',
  actor: { type: 'service', id: 'gateway' },
  correlationId: 'c',
  causationId: 'd',
  data: {
    subject: { type: 'user', id: 'developer-07' },
    action: 'secret.read',
    resource: { type: 'prod', id: 'DATABASE_URL' },
    decision: false,
    reason: 'no_permit',
    ...changes,
  },
});

describe('the sentence', () => {
  it('names who touched what, and the decision', () => {
    expect(summaryOf(decision())).toBe('Actor developer-07 touched prod/DATABASE_URL and the decision was denied.');
    expect(summaryOf(decision({ decision: true }))).toMatch(/ the decision was allowed\.$/);
  });

  it('names who did what on a device', () => {
    const data = { deviceId: 'd1', subject: { type: 'user', id: 'ann' }, kind: 'shell' };
    const started = { ...decision(), type: 'device.session.started', data };
    expect(summaryOf(started)).toBe('Actor ann: device.session.started on device/d1.');
    expect(summaryOf({ ...started, data: { deviceId: 'd1' } })).toMatch(/^Actor gateway: device/);
  });

  it('names who caused any other event, and a decision of an unexpected shape', () => {
    expect(summaryOf({ ...decision(), type: 'key.created' })).toBe('Actor gateway caused key.created.');
    for (const changes of [{ subject: null }, { decision: 'no' }, { resource: undefined }, { action: '' }]) {
      expect(summaryOf(decision(changes))).toBe('Actor gateway caused decision.recorded.');
    }
  });
});

describe('a batch of decisions', () => {
  const item = (n: number) => ({ ...decision({ decision: n > 0 }).data, action: `a.${n}` });
  const batch = { ...decision(), type: 'decisions.recorded', data: { items: [item(0), item(1), {}, item(3)] } };
  const record = { index: 7, tenantId: 'main', source: 'policy', occurredAt: new Date(0), leafHash: Buffer.alloc(32) };
  const view = (maxItems?: number) => toEntryView({ ...record, envelope: '' }, batch, maxItems);

  it('is told by what its decisions share, their number, and each with the id of its answer', () => {
    expect(entryView.strict().parse(view())).toEqual(view());
    expect(view()).toMatchObject({
      subject: { id: 'developer-07' },
      resource: 'prod/DATABASE_URL',
      reason: 'no_permit',
    });
    expect(view().action).toBeUndefined();
    expect(view().decision).toBeUndefined();
    expect(view().decisions).toMatchObject({ total: 3, allowed: 2 });
    expect(view().decisions?.items.map(({ id, action }) => [id, action])).toEqual(
      [0, 1, 3].map((n) => [`${batch.id}.${n}`, `a.${n}`]),
    );
    expect(view(1).decisions).toMatchObject({ total: 3, items: [{ action: 'a.0' }] });
    expect(summaryOf(batch)).toBe('Actor gateway asked 3 decisions about developer-07 at once: 2 allowed, 1 denied.');
  });
});

describe('a listed entry', () => {
  it('says what its envelope says', () => {
    const envelope = decision();
    const record = {
      index: 7,
      tenantId: 'main',
      source: 'policy',
      occurredAt: new Date(0),
      leafHash: Buffer.alloc(32),
      envelope: JSON.stringify(envelope),
    };
    const view = toEntryView(record);
    expect(entryView.strict().parse(view)).toEqual(view);
    expect(view).toMatchObject({
      index: 7,
      source: 'policy',
      occurredAt: envelope.occurredAt,
      subject: { type: 'user', id: 'developer-07' },
      resource: 'prod/DATABASE_URL',
      decision: false,
      reason: 'no_permit',
      causationId: 'd',
    });
  });
});
