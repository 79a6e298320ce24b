import type { Actor, PolicyActivated, PolicyActivationRejected, PolicySettingsChanged } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../refusal.js';
import { isExpired, type PolicyRequest, type TenantPolicy } from '../tenant-policy.js';

export interface ApproveRequest {
  readonly requestId: string;
  readonly by: Actor;
  /** Who may act as the requester: whoever gave a service its roles has, or had, its key. */
  readonly handsOfRequester: readonly Actor[];
  readonly now: number;
}

const isSame = (a: Actor, b: Actor): boolean => a.type === b.type && a.id === b.id;

/**
 * Two people, not two credentials: whoever asked may neither approve with another key of his, nor have a service ask for
 * him, nor make a service that approves.
 *
 * @throws Refusal `not_found`, `request_void`, `request_closed`, `request_expired`, `approver_not_a_person`, `own_request`
 */
export const approveRequest =
  ({ requestId, by, handsOfRequester, now }: ApproveRequest) =>
  (state: TenantPolicy): readonly NewEvent[] => {
    const request = openRequest(state, requestId);
    if (isExpired(request, now)) throw new Refusal('request_expired');
    if (by.type !== 'user') throw new Refusal('approver_not_a_person');
    if ([request.requestedBy, ...handsOfRequester].some((hand) => isSame(hand, by))) throw new Refusal('own_request');
    if (request.kind === 'settings') {
      const { mode, fourEyes, reason } = request;
      const data: PolicySettingsChanged = { mode, fourEyes, reason, requestId };
      return [{ type: 'policy.settings_changed', version: 1, data }];
    }
    const { digest, reason, rollback } = request;
    const data: PolicyActivated = { digest, previous: state.active, reason, rollback, requestId };
    return [{ type: 'policy.activated', version: 1, data }];
  };

/**
 * Who made the request may take it back.
 *
 * @throws Refusal `not_found`, `request_void`, `request_closed`
 */
export const rejectRequest =
  (data: PolicyActivationRejected) =>
  (state: TenantPolicy): readonly NewEvent[] => {
    openRequest(state, data.requestId);
    return [{ type: 'policy.activation_rejected', version: 1, data }];
  };

function openRequest({ requests }: TenantPolicy, requestId: string): PolicyRequest {
  const request = requests.find((candidate) => candidate.requestId === requestId);
  if (!request) throw new Refusal('not_found');
  if (request.status === 'void') throw new Refusal('request_void');
  if (request.status !== 'open') throw new Refusal('request_closed');
  return request;
}
