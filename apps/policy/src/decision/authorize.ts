import { toEntity } from '@gatehouse/authz';
import type { Authorize } from '@gatehouse/http';
import type { DecisionPoint } from './decision-point.js';

/**
 * Policy asks itself. Whether a caller may ask a decision is not recorded when the answer is yes, since the decision
 * he gets names him; a refusal is.
 */
export const authorizeLocally =
  (decisions: DecisionPoint): Authorize =>
  (principal, action, resource, request) => {
    const subject = { type: principal.type, id: principal.id };
    const { scopes } = principal as { readonly scopes?: readonly string[] };
    const question = {
      tenantId: principal.tenantId,
      subject,
      action,
      resource: toEntity(resource),
      ...(scopes && { scopes }),
    };
    if (action === 'decision.evaluate' && decisions.evaluate(question).decision) return { allowed: true };
    return decisions
      .decide(question, {
        caller: { type: 'gatehouse', id: 'policy' },
        correlationId: request.trace?.traceId ?? '',
        ...(principal.type === 'service' && { ip: request.ip }),
      })
      .then((answer) => ({ allowed: answer.decision, decisionId: answer.id, reason: answer.reason }));
  };
