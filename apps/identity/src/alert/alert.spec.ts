import type { Envelope, ObservedRefusal } from '@gatehouse/contracts';
import { fold, type NewEvent, writeEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Alert, acknowledgeAlert, alertDecider, alertStream, resolveAlert } from './alert.js';
import { signWebhook } from './channel/webhook-signature.js';
import { deliveryPeriodMs, retryDelayMs } from './delivery/backoff.js';
import { letterOf } from './delivery/letter.js';
import { isPublicAddress, webhookUrlProblem } from './delivery/public-address.js';
import { findingOf, fingerprintOf, mergeFindings } from './detect/findings.js';
import { networkOf } from './detect/place.js';
import { partOf, windowStart } from './detect/window.js';

const alertId = '0190a1b2-0000-7000-8000-00000000000a';
const keyId = '0190a1b2-0000-7000-8000-00000000000b';
const at = '2026-11-22T00:00:00.000Z';
const subject = { type: 'key', id: keyId };
const context = { tenantId: 'main', actor: { type: 'gatehouse', id: 'identity' }, now: 0, correlationId: 't' };

describe('an alert', () => {
  const totals = { count: 7, firstAt: at, lastAt: at };
  const raised: NewEvent = {
    type: 'alert.raised',
    version: 1,
    data: { alertId, kind: 'refused_key', subject, threshold: 5, windowSeconds: 60, ...totals },
  };
  const after = (...events: readonly NewEvent[]): Alert =>
    fold(
      alertDecider,
      events.map((event, i): Envelope => writeEvent(event, alertStream(alertId), i + 1, context).envelope),
    );

  it('is over once, with its totals', () => {
    const resolved = resolveAlert(totals, after(raised));
    expect(resolved[0]?.data).toEqual({ alertId, kind: 'refused_key', subject, ...totals });
    expect(resolveAlert(totals, after(raised, ...resolved))).toEqual([]);
    expect(resolveAlert(totals, after())).toEqual([]);
  });

  it('is acknowledged once, also when it is over', () => {
    const seen = acknowledgeAlert(after(raised, ...resolveAlert(totals, after(raised))));
    expect(seen).toHaveLength(1);
    expect(acknowledgeAlert(after(raised, ...seen))).toEqual([]);
    expect(() => acknowledgeAlert(after())).toThrow(expect.objectContaining({ code: 'not_found' }));
  });
});

describe('what a refusal counts towards', () => {
  const owner = { tenantId: 'acme', principal: { type: 'service', id: 'ci' } };
  const refusal: ObservedRefusal = {
    status: 401,
    reason: 'unknown',
    ip: '192.0.2.1',
    count: 3,
    firstAt: at,
    lastAt: at,
  };
  const find = (more: Partial<ObservedRefusal>) =>
    findingOf({ ...refusal, ...more }, (id) => (id === keyId ? owner : undefined), 'main');
  const user = { type: 'user', id: 'u' };

  it.each<[string, Partial<ObservedRefusal>, string, string, string]>([
    ['nobody known', {}, 'main', 'unknown_callers', 'installation/gatehouse'],
    ['a key nobody knows', { keyId: alertId }, 'main', 'unknown_callers', 'installation/gatehouse'],
    ['a disabled key', { keyId, reason: 'disabled' }, 'acme', 'refused_key', `key/${keyId}`],
    ['a key said to be of another tenant', { keyId, tenantId: 'evil' }, 'acme', 'refused_key', `key/${keyId}`],
    ['a rotated key', { keyId, reason: 'rotated' }, 'acme', 'rotated_key_used', `key/${keyId}`],
    ['a token', { tenantId: 'acme', principal: user }, 'acme', 'refused_key', 'user/u'],
    ['a tenant', { tenantId: 'acme' }, 'acme', 'refused_key', 'tenant/acme'],
    ['a sign-in', { reason: 'sign_in', tenantId: 'p-u', principal: user }, 'p-u', 'failed_sign_ins', 'user/u'],
    [
      'a failed unwrap',
      { reason: 'unwrap', tenantId: 'acme', principal: { type: 'wrapped', id: alertId } },
      'acme',
      'failed_unwrap',
      `wrapped/${alertId}`,
    ],
    ['a deny', { status: 403, tenantId: 'acme', principal: user }, 'acme', 'denied_principal', 'user/u'],
    ['a deny of a key', { status: 403, keyId }, 'acme', 'denied_principal', 'service/ci'],
  ])('%s', (_name, more, tenantId, kind, about) => {
    const found = find(more);
    expect([found?.tenantId, found?.kind, `${found?.subject.type}/${found?.subject.id}`]).toEqual([
      tenantId,
      kind,
      about,
    ]);
    expect(found?.count).toBe(3);
  });

  it.each<[string, Partial<ObservedRefusal>]>([
    ['our own delay', { reason: 'not_ready' }],
    ['no credential at all', { reason: 'missing' }],
    ['a deny of nobody', { status: 403 }],
    ['a tenant that cannot be', { tenantId: 'Not/A/Tenant' }],
  ])('%s counts towards nothing', (_name, more) => expect(find(more)).toBeUndefined());

  it('sums what is about the same, and keeps every call', () => {
    const count = fc.integer({ min: 1, max: 1_000 });
    const finding = fc.record({
      ...{ tenantId: fc.constant('t'), kind: fc.constantFrom('refused_key', 'denied_principal'), count },
      subject: fc.record({ type: fc.constant('key'), id: fc.constantFrom('a', 'b') }),
      firstAt: fc.constantFrom(at, '2026-11-22T00:00:01.000Z'),
      lastAt: fc.constantFrom(at, '2026-11-22T00:00:02.000Z'),
    });
    fc.assert(
      fc.property(fc.array(finding), (findings) => {
        const merged = mergeFindings(findings as never);
        const total = (list: readonly { count: number }[]) => list.reduce((sum, each) => sum + each.count, 0);
        expect(total(merged)).toBe(total(findings));
        expect(merged.length).toBeLessThanOrEqual(4);
        expect(mergeFindings([...findings].reverse() as never).map(({ kind, subject: s }) => [kind, s.id])).toEqual(
          merged.map(({ kind, subject: s }) => [kind, s.id]),
        );
      }),
    );
  });

  it('is known again by what it is about and when it began, whatever came on top of it', () => {
    const print = (more: object, service = 'policy') => fingerprintOf(service, { ...refusal, ...more }).toString('hex');
    const later = '2026-11-22T00:00:09.000Z';
    expect(print({ count: 4, lastAt: later })).toBe(print({}));
    const others = [{ ip: '192.0.2.2' }, { reason: 'expired' }, { status: 403 }, { keyId }, { firstAt: later }];
    expect(new Set([print({}), print({}, 'audit'), ...others.map((more) => print(more))]).size).toBe(7);
  });
});

describe('a window', () => {
  it('counts what lies in it, and what claims to come from the future now', () => {
    const now = Date.UTC(2026, 0, 1);
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), fc.integer({ min: 1, max: 86_400 }), (ago, seconds) => {
        const part = partOf(now - ago, seconds, now);
        expect(part).toBeLessThanOrEqual(now);
        // A part is a sixth of the window: nothing older than the window and one part counts.
        if (part >= windowStart(now, seconds)) expect(ago).toBeLessThanOrEqual(seconds * 1_000);
        if (ago <= 0) expect(part).toBeGreaterThan(windowStart(now, seconds) - 1_000);
      }),
    );
  });
});

describe('a network', () => {
  it.each([
    ['203.0.113.7', '203.0.113.0/24'],
    ['::ffff:203.0.113.7', '203.0.113.0/24'],
    ['2001:db8:7:1::1', '2001:db8:7::/48'],
    ['2001:0DB8:0007::', '2001:db8:7::/48'],
    ['::1', '0:0:0::/48'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0::/48'],
  ])('of %s is %s', (ip, network) => expect(networkOf(ip)).toBe(network));

  it.each(['', 'localhost', '1.2.3', '1.2.3.4.5', '10.0.0.0/8'])('%j has none', (ip) =>
    expect(networkOf(ip)).toBeUndefined(),
  );
});

describe('where a webhook may lead', () => {
  it.each([
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '127.9.9.9',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
    ],
    ...['192.168.0.1', '192.0.2.1', '198.18.0.1', '203.0.113.1', '224.0.0.1', '255.255.255.255'],
    ...['::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '64:ff9b::7f00:1', 'fc00::1', 'fd00:ec2::254', 'fe80::1'],
    ...['2001:db8::1', '2001::1', '2002:7f00:1::', 'ff02::1', 'fe80::1%lo', '3fff::1', 'localhost', ''],
  ])('not to %j', (address) => expect(isPublicAddress(address)).toBe(false));

  it.each(['8.8.8.8', '172.32.0.1', '1.1.1.1', '2606:4700::1111', '2a00:1450:4001::1'])('to %s', (address) =>
    expect(isPublicAddress(address)).toBe(true),
  );

  it.each([
    ...[
      '',
      'hook',
      'ftp://example.org',
      'http://example.org',
      'https://user:pw@example.org/',
      'https://example.org/#x',
    ],
    ...['https://127.0.0.1/', 'https://2130706433/', 'https://0x7f.1/', 'https://[::1]/', 'https://[::ffff:10.0.0.1]/'],
    ...['https://169.254.169.254/latest/meta-data', 'javascript:alert(1)', 'file:///etc/passwd'],
  ])('not to %j', (url) => expect(webhookUrlProblem(url, 'public')).toEqual(expect.any(String)));

  it('to https with path and query; for development also to http of this machine', () => {
    expect(webhookUrlProblem('https://hooks.example.org:8443/a?b=c', 'public')).toBeUndefined();
    expect(webhookUrlProblem('http://127.0.0.1:9/', 'any')).toBeUndefined();
  });
});

describe('a message', () => {
  it('is signed as in the example of Standard Webhooks', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
    expect(signWebhook([secret], id, '{"test": 2432232314}', 1_614_265_330_999)).toEqual({
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is tried again later and later, for a day, never all at once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (tries, random) => {
        const wait = retryDelayMs(tries, 5_000, random);
        expect(wait).toBeGreaterThanOrEqual(3_750);
        expect(wait).toBeLessThanOrEqual(4_500_000);
      }),
    );
    let waited = 0;
    let tries = 0;
    while (waited < deliveryPeriodMs) waited += retryDelayMs(++tries, 5_000, 0.5);
    expect(tries).toBeGreaterThan(20);
    expect(tries).toBeLessThan(50);
  });

  it('becomes a letter', () => {
    const data = { tenantId: 'main', alertId, kind: 'refused_key', subject, count: 20, firstAt: at, lastAt: at };
    const raised = letterOf(JSON.stringify({ type: 'alert.raised', data }));
    expect(raised.title).toBe('A key that does not work is tried again and again (main)');
    expect(raised.text).toContain(`About: key/${keyId}\nSeen: 20 times`);
    expect(letterOf(JSON.stringify({ type: 'alert.resolved', data })).title).toMatch(/^Over: /);
    expect(letterOf(JSON.stringify({ type: 'alert.test', data: { tenantId: 'main' } })).title).toContain('Test');
  });
});
