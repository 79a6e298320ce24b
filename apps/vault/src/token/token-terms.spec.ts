import { coversScopes } from '@gatehouse/authn';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { policiesShown, renewedUntil, termsOf, tokenLimits } from './token-terms.js';

const now = 1_000_000_000_000;
const scope = fc.constantFrom('*', 'secret.*', 'secret.read', 'secret.list', 'token.create', 'transit.*');
const scopes = fc.option(fc.array(scope, { maxLength: 4 }), { nil: undefined });
const seconds = fc.option(fc.integer({ min: 0, max: tokenLimits.maxTtl }), { nil: undefined });
const wish = fc.record({
  ...{ ttlSeconds: seconds, explicitMaxTtlSeconds: seconds, scopes },
  ...{ numUses: fc.option(fc.nat(10), { nil: undefined }), renewable: fc.option(fc.boolean(), { nil: undefined }) },
});
const parent = fc.record({
  endsAtMs: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: now - 1_000, max: now + 4_000_000_000 })),
  scopes,
  depth: fc.integer({ min: 0, max: tokenLimits.maxDepth }),
});

describe('the terms of a token', () => {
  it('never pass those of its parent, whatever is wished', () => {
    fc.assert(
      fc.property(wish, parent, (wished, made) => {
        const terms = termsOf(wished, made, now);
        if (typeof terms === 'string') return;
        expect(terms.expiresAtMs).toBeLessThanOrEqual(terms.maxExpiresAtMs);
        expect(terms.maxExpiresAtMs).toBeLessThanOrEqual(made.endsAtMs);
        expect(terms.expiresAtMs).toBeGreaterThanOrEqual(now);
        expect(terms.maxExpiresAtMs).toBeLessThanOrEqual(now + tokenLimits.maxTtl * 1_000);
        expect(coversScopes(made.scopes, terms.scopes)).toBe(true);
        expect(made.depth).toBeLessThan(tokenLimits.maxDepth);
      }),
    );
  });

  it('of a child of a child are within those of both', () => {
    fc.assert(
      fc.property(wish, wish, parent, (first, second, made) => {
        const terms = termsOf(first, made, now);
        if (typeof terms === 'string') return;
        const between = { endsAtMs: terms.maxExpiresAtMs, scopes: terms.scopes, depth: made.depth + 1 };
        const inner = termsOf(second, between, now);
        if (typeof inner === 'string') return;
        expect(inner.maxExpiresAtMs).toBeLessThanOrEqual(terms.maxExpiresAtMs);
        expect(coversScopes(made.scopes, inner.scopes)).toBe(true);
      }),
    );
  });

  it('are refused beyond the scopes, the depth and the end of the parent', () => {
    const endless = { endsAtMs: Number.POSITIVE_INFINITY, depth: 0 };
    expect(termsOf({ scopes: ['*'] }, { ...endless, scopes: ['secret.*'] }, now)).toBe('scopes_too_wide');
    expect(termsOf({}, { ...endless, depth: tokenLimits.maxDepth }, now)).toBe('too_deep');
    expect(termsOf({}, { ...endless, endsAtMs: now }, now)).toBe('parent_ended');
    // An empty list of a parent permits nothing, and neither does its child.
    expect(termsOf({}, { ...endless, scopes: [] }, now)).toMatchObject({ scopes: [] });
  });

  it('without a wish are an hour, renewable, within 32 days', () => {
    expect(termsOf({}, { endsAtMs: Number.POSITIVE_INFINITY, depth: 0 }, now)).toEqual({
      ...{ expiresAtMs: now + 3_600_000, maxExpiresAtMs: now + 2_764_800_000, explicitMaxTtlSeconds: 0 },
      ...{ numUses: 0, renewable: true, scopes: undefined },
    });
  });
});

describe('a renewal', () => {
  it('never passes the maximum', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        seconds,
        fc.integer({ min: 0, max: 1e9 }),
        (ttlSeconds, more, left) => {
          const until = renewedUntil({ ttlSeconds, maxExpiresAtMs: now + left }, more, now);
          expect(until).toBeLessThanOrEqual(now + left);
          expect(until).toBeGreaterThanOrEqual(now);
        },
      ),
    );
  });
});

it('policies of a token show its action patterns', () => {
  expect(policiesShown(undefined)).toEqual(['default']);
  expect(policiesShown(['secret.read'])).toEqual(['default', 'secret.read']);
});
