import { NotAuthenticated } from '@gatehouse/authn';
import { type ObserveRequest, observe } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import { ObservationReporter } from './observation-reporter.js';

const now = Date.parse('2026-11-22T12:00:00Z');
const keyId = '0190a1b2-0000-7000-8000-00000000000a';
const known = { type: 'service', id: 'ci', tenantId: 'main', keyId } as const;

function reporter() {
  const sent: ObserveRequest[] = [];
  const state = { away: false };
  const reports = new ObservationReporter({
    service: 'audit',
    intervalMs: 3_600_000,
    onError: () => undefined,
    send: async (report) => {
      if (state.away) throw new Error('nobody answers');
      sent.push(observe.request.parse(report));
    },
  });
  return { reports, sent, state };
}

describe('what a service tells identity', () => {
  it('is one row per key and address, with first, last and how often', async () => {
    const { reports, sent } = reporter();
    for (const [ip, at] of [
      ['10.0.0.1', now],
      ['10.0.0.1', now + 5],
      ['10.0.0.2', now + 9],
    ] as const)
      reports.used(keyId, ip, at);
    await reports.stop();
    expect(sent).toEqual([
      {
        service: 'audit',
        uses: [
          { keyId, ip: '10.0.0.1', count: 2, firstAt: '2026-11-22T12:00:00.000Z', lastAt: '2026-11-22T12:00:00.005Z' },
          { keyId, ip: '10.0.0.2', count: 1, firstAt: '2026-11-22T12:00:00.009Z', lastAt: '2026-11-22T12:00:00.009Z' },
        ],
        refusals: [],
      },
    ]);
  });

  it('names cause and credential of a refusal where they are known', async () => {
    const { reports, sent } = reporter();
    reports.refused(new NotAuthenticated('unknown'), '10.0.0.9', now);
    reports.refused(new NotAuthenticated('rotated', known), '10.0.0.9', now);
    reports.denied(known, '10.0.0.9', now);
    for (const failure of ['not_ready', 'tenant_unknown', 'tenant_ambiguous'] as const)
      reports.refused(new NotAuthenticated(failure, known), '10.0.0.9', now);
    await reports.stop();
    const principal = { type: 'service', id: 'ci' };
    expect(sent[0]?.refusals).toEqual([
      expect.objectContaining({ status: 401, reason: 'rotated', tenantId: 'main', keyId, principal }),
      expect.objectContaining({ status: 403, reason: 'denied', tenantId: 'main', keyId, principal }),
      {
        status: 401,
        reason: 'unknown',
        ip: '10.0.0.9',
        count: 1,
        firstAt: expect.any(String),
        lastAt: expect.any(String),
      },
    ]);
  });

  it('is kept while identity is away, and told once it is back', async () => {
    const { reports, sent, state } = reporter();
    state.away = true;
    reports.used(keyId, '10.0.0.1', now);
    await reports.stop();
    reports.used(keyId, '10.0.0.1', now + 7);
    state.away = false;
    await reports.stop();
    await reports.stop();
    expect(sent).toHaveLength(1);
    expect(sent[0]?.uses).toEqual([expect.objectContaining({ count: 2, firstAt: '2026-11-22T12:00:00.000Z' })]);
    expect(sent[0]?.uses[0]?.lastAt).toBe('2026-11-22T12:00:00.007Z');
    expect(reports.dropped).toBe(0);
  });

  it('comes in reports no longer than agreed, complete', async () => {
    const { reports, sent } = reporter();
    for (let i = 0; i < 2_500; i++) {
      reports.used(keyId, `10.1.${i >> 8}.${i & 255}`, now);
      reports.refused(new NotAuthenticated('unknown'), `10.2.${i >> 8}.${i & 255}`, now);
    }
    await reports.stop();
    expect(sent.flatMap(({ uses }) => uses)).toHaveLength(2_500);
    expect(new Set(sent.flatMap(({ refusals }) => refusals.map(({ ip }) => ip))).size).toBe(2_500);
  });

  it('is one report a round, however many calls come while it is told', async () => {
    const told: number[] = [];
    const reports = new ObservationReporter({
      service: 'audit',
      intervalMs: 3_600_000,
      onError: () => undefined,
      send: async ({ uses }) => {
        told.push(uses.length);
        if (told.length < 5) reports.used(keyId, '10.0.0.1', now);
      },
    });
    reports.used(keyId, '10.0.0.1', now);
    await reports.stop();
    expect(told).toEqual([1]);
  });

  it('is never refused for a text that is too long', async () => {
    const { reports, sent } = reporter();
    reports.used(keyId, 'x'.repeat(70), now);
    reports.denied({ type: 'user', id: 'u'.repeat(300), tenantId: 't'.repeat(99) }, 'x'.repeat(70), now);
    await reports.stop();
    expect(sent[0]?.refusals[0]?.principal?.id).toHaveLength(256);
  });

  it('has a bound, and strangers cannot push out what is known', async () => {
    const { reports, sent, state } = reporter();
    state.away = true;
    for (let i = 0; i < 12_000; i++) reports.refused(new NotAuthenticated('unknown'), `stranger-${i}`, now);
    expect(reports.dropped).toBe(2_000);
    reports.refused(new NotAuthenticated('rotated', known), '10.0.0.9', now);
    reports.used(keyId, '10.0.0.1', now);
    state.away = false;
    await reports.stop();
    expect(sent[0]?.refusals[0]).toMatchObject({ reason: 'rotated', keyId });
    expect(sent[0]?.uses).toHaveLength(1);
  });
});
