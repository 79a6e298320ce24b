import { describe, expect, it } from '@jest/globals';
import type { KnownLease, LeaseTerms } from './lease.js';
import { type RoleSeen, reconcile, type Verdict } from './reconcile.js';

const leaseId = 'a'.repeat(26);
const terms: LeaseTerms = { leaseId, database: 'main', role: 'app', username: 'gh_x_app_a', maxUntil: 9_000 };
const marker = { leaseId, database: 'main', role: 'app', maxUntil: 9_000 };
const standing = { terms, validUntil: 2_000, since: 0 };
const graceMs = 100;

const logged: Record<string, KnownLease> = {
  requested: { status: 'requested', ...standing },
  active: { status: 'active', ...standing },
  renewing: { status: 'renewing', renewUntil: 3_000, ...standing },
  revoking: { status: 'revoking', reason: 'requested', alarmed: false, ...standing },
  revoked: { status: 'revoked', ...standing },
  failed: { status: 'failed', ...standing },
  abandoned: { status: 'abandoned', ...standing },
};

const judge = (lease: KnownLease | undefined, role: Partial<RoleSeen> | undefined, targetNow = 1_000, now = 1_000) =>
  reconcile({
    leases: lease ? [{ leaseId, revision: 3, lease }] : [],
    roles: role ? [{ username: terms.username, validUntil: 2_000, marker, ...role }] : [],
    database: 'main',
    targetNow,
    now,
    graceMs,
  })[0];

describe('reconcile: what the log and the target say, and what follows', () => {
  it.each<[string, number | null | 'missing', number, Verdict['act'] | undefined]>([
    ['requested', 'missing', 50, undefined],
    ['requested', 'missing', 1_000, 'conclude_failed'],
    ['requested', 2_000, 50, undefined],
    ['requested', 2_000, 1_000, 'adopt'],
    ['active', 2_000, 1_000, undefined],
    ['active', 2_000, 2_000, 'start_revocation'],
    ['active', 2_500, 2_000, 'observe_term'],
    ['active', 1_500, 1_000, 'observe_term'],
    ['active', null, 5_000, 'impose_term'],
    ['active', 'missing', 1_000, 'conclude_revoked'],
    ['renewing', 2_000, 50, undefined],
    ['renewing', 3_000, 50, 'conclude_renewal'],
    ['renewing', 2_000, 1_000, 'repeat_renewal'],
    ['renewing', 2_000, 3_000, 'observe_term'],
    ['renewing', 4_000, 1_000, 'observe_term'],
    ['renewing', null, 1_000, 'impose_term'],
    ['renewing', 'missing', 1_000, 'conclude_revoked'],
    ['revoking', 9_000, 1_000, 'drop'],
    ['revoking', 'missing', 1_000, 'conclude_revoked'],
    ['revoked', 9_000, 1_000, 'start_revocation'],
    ['revoked', 'missing', 1_000, undefined],
    ['failed', 9_000, 1_000, 'start_revocation'],
    ['failed', 'missing', 1_000, undefined],
    ['abandoned', 9_000, 1_000, 'adopt'],
    ['abandoned', 'missing', 1_000, undefined],
  ])('%s, role until %s, at %i: %s', (status, validUntil, now, expected) => {
    const role = validUntil === 'missing' ? undefined : { validUntil };
    expect(judge(logged[status], role, now, now)?.act).toBe(expected);
  });

  it('adopts a role of ours that the log does not know, with its own term', () => {
    expect(judge(undefined, { validUntil: 7_000 }, 8_000)).toEqual({
      leaseId,
      revision: 0,
      act: 'adopt',
      terms: { ...terms, holder: undefined },
      validUntil: 7_000,
    });
  });

  it('leaves a role alone whose marker is not ours, or of another database', () => {
    expect(judge(undefined, { marker: undefined })).toBeUndefined();
    expect(judge(undefined, { marker: { ...marker, database: 'other' } })).toBeUndefined();
  });

  it('knows a role of a known lease by its name, though somebody removed the comment', () => {
    expect(judge(logged.active, { marker: undefined }, 2_000)?.act).toBe('start_revocation');
  });

  it("takes the target's clock for terms and the vault's for calls under way", () => {
    expect(judge(logged.active, {}, 1_999, 99_000)).toBeUndefined();
    expect(judge(logged.requested, {}, 99_000, 50)).toBeUndefined();
  });
});
