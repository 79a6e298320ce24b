import type {
  Actor,
  Envelope,
  PolicyActivated,
  PolicyActivationRequested,
  PolicyMode,
  PolicySettingsChanged,
  PolicySettingsRequested,
} from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** A tenant has one policy: which version decides, how, and who still has to agree to what comes next. */
export const tenantPolicyStream = 'policy:active';

/** With four eyes: what waits for somebody else, and what became of it. */
export type PolicyRequest = {
  readonly requestId: string;
  readonly status: 'open' | 'approved' | 'rejected' | 'void';
  readonly requestedBy: Actor;
  /** Unix time in milliseconds. */
  readonly requestedAt: number;
  readonly reason: string;
} & (
  | { readonly kind: 'activation'; readonly digest: string | null; readonly rollback: boolean }
  | { readonly kind: 'settings'; readonly mode: PolicyMode; readonly fourEyes: boolean }
);

export interface TenantPolicy {
  /** Digest of the version that decides; null: the built-in roles alone. */
  readonly active: string | null;
  /** What was active before, the latest last: rolling back returns there. */
  readonly earlier: readonly (string | null)[];
  readonly mode: PolicyMode;
  readonly fourEyes: boolean;
  readonly requests: readonly PolicyRequest[];
}

export const policyRequestLimits = { remembered: 100, open: 20, lifeMs: 7 * 24 * 3_600_000, earlier: 50 } as const;

export const tenantPolicyDecider: Decider<TenantPolicy> = {
  initialState: { active: null, earlier: [], mode: 'strict', fourEyes: false, requests: [] },
  evolve: (state, event: Envelope): TenantPolicy => {
    switch (event.type) {
      case 'policy.activated':
        return activated(state, event.data as unknown as PolicyActivated);
      case 'policy.settings_changed': {
        const { mode, fourEyes, requestId } = event.data as unknown as PolicySettingsChanged;
        return { ...state, mode, fourEyes, requests: closed(state.requests, 'settings', requestId) };
      }
      case 'policy.activation_requested': {
        const { requestId, digest, reason, rollback } = event.data as unknown as PolicyActivationRequested;
        return requested(state, event, { kind: 'activation', requestId, digest, reason, rollback });
      }
      case 'policy.settings_requested': {
        const { requestId, mode, fourEyes, reason } = event.data as unknown as PolicySettingsRequested;
        return requested(state, event, { kind: 'settings', requestId, mode, fourEyes, reason });
      }
      case 'policy.activation_rejected':
        return { ...state, requests: withStatus(state.requests, String(event.data.requestId), 'rejected') };
      default:
        return state;
    }
  },
};

function activated(state: TenantPolicy, { digest, previous, rollback, requestId }: PolicyActivated): TenantPolicy {
  const earlier = rollback ? state.earlier.slice(0, -1) : [...state.earlier, previous];
  const requests = closed(state.requests, 'activation', requestId);
  return { ...state, active: digest, earlier: earlier.slice(-policyRequestLimits.earlier), requests };
}

type Distribute<T> = T extends unknown ? Omit<T, 'status' | 'requestedBy' | 'requestedAt'> : never;

function requested(state: TenantPolicy, event: Envelope, request: Distribute<PolicyRequest>): TenantPolicy {
  const { actor, occurredAt } = event;
  const made = { ...request, status: 'open', requestedBy: actor, requestedAt: Date.parse(occurredAt) } as const;
  return { ...state, requests: [...state.requests, made as PolicyRequest].slice(-policyRequestLimits.remembered) };
}

/** What was asked on the strength of the former state is not what its reader would agree to now. */
const closed = (requests: readonly PolicyRequest[], kind: PolicyRequest['kind'], approved: string | undefined) =>
  requests.map((request): PolicyRequest => {
    if (request.requestId === approved) return { ...request, status: 'approved' };
    return request.kind === kind && request.status === 'open' ? { ...request, status: 'void' } : request;
  });

const withStatus = (requests: readonly PolicyRequest[], requestId: string, status: PolicyRequest['status']) =>
  requests.map((request): PolicyRequest => (request.requestId === requestId ? { ...request, status } : request));

export const isExpired = ({ requestedAt }: PolicyRequest, now: number): boolean =>
  now - requestedAt >= policyRequestLimits.lifeMs;

/** Open and still to be approved. */
export const isWaiting = (request: PolicyRequest, now: number): boolean =>
  request.status === 'open' && !isExpired(request, now);
