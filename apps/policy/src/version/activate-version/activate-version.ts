import type { PolicyActivated, PolicyActivationRequested } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../refusal.js';
import { isWaiting, policyRequestLimits, type TenantPolicy } from '../tenant-policy.js';

export interface ActivateVersion {
  /** Of a version that was read and tested; null: the built-in roles alone. */
  readonly digest: string | null;
  readonly reason: string;
  /** What the caller takes to be active; undefined: whatever it is. */
  readonly expectedActive?: string | null | undefined;
  /** Id of the request that this becomes if somebody else has to agree. */
  readonly requestId: string;
  readonly now: number;
}

/** @throws Refusal `stale_revision`, `too_many_requests_open` */
export const activateVersion =
  ({ expectedActive, digest, ...wish }: ActivateVersion) =>
  (state: TenantPolicy): readonly NewEvent[] => {
    if (expectedActive !== undefined && expectedActive !== state.active) throw new Refusal('stale_revision');
    return digest === state.active ? [] : become(state, { ...wish, digest, rollback: false });
  };

export interface RollBack extends Omit<ActivateVersion, 'digest'> {
  /** What was active before, as the caller's checks saw it. */
  readonly digest: string | null;
}

/** @throws Refusal `nothing_to_roll_back`, `stale_revision`, `too_many_requests_open` */
export const rollBack =
  ({ expectedActive, digest, ...wish }: RollBack) =>
  (state: TenantPolicy): readonly NewEvent[] => {
    const target = state.earlier.at(-1);
    if (target === undefined) throw new Refusal('nothing_to_roll_back');
    // Another version was activated since the target was read and checked.
    if (target !== digest) throw new Refusal('stale_revision');
    if (expectedActive !== undefined && expectedActive !== state.active) throw new Refusal('stale_revision');
    return become(state, { ...wish, digest, rollback: true });
  };

type Change = Omit<ActivateVersion, 'expectedActive'> & { readonly rollback: boolean };

/** Back or forth: an older version may permit what the present one does not, so it needs the same agreement. */
function become(state: TenantPolicy, { digest, reason, rollback, requestId, now }: Change): readonly NewEvent[] {
  const change: PolicyActivated = { digest, previous: state.active, reason, rollback };
  if (!state.fourEyes) return [{ type: 'policy.activated', version: 1, data: change }];
  assertRoom(state, now);
  const data: PolicyActivationRequested = { ...change, requestId };
  return [{ type: 'policy.activation_requested', version: 1, data }];
}

/** @throws Refusal `too_many_requests_open` */
export function assertRoom({ requests }: TenantPolicy, now: number): void {
  const waiting = requests.filter((request) => isWaiting(request, now));
  if (waiting.length >= policyRequestLimits.open) throw new Refusal('too_many_requests_open');
}
