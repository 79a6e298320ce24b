import { toEntity } from '@gatehouse/authz';
import type { AccessDecision, Authorize, HttpRequest, Principal } from '@gatehouse/http';
import { countedCredential } from './asked-by.js';
import type { DecisionPoint } from './decision-point.js';
import { minimumPosition } from './minimum-position.js';
import type { Question } from './question.js';

/**
 * Policy asks itself. Whether a caller may ask a decision is not recorded when the answer is yes, since the decision
 * he gets names him; a refusal is. Nothing is decided, for this or for what follows, before the facts have reached the
 * position that the caller names.
 */
export function authorizeLocally(decisions: DecisionPoint): Authorize {
  const decide = (question: Question, request: HttpRequest): AccessDecision | Promise<AccessDecision> => {
    if (question.action === 'decision.evaluate' && decisions.evaluate(question).decision) return { allowed: true };
    const asked = {
      caller: { type: 'gatehouse', id: 'policy' },
      correlationId: request.trace?.traceId ?? '',
      ...(question.subject.type === 'service' && { ip: request.ip }),
    };
    return decisions
      .decide(question, asked)
      .then(({ id, outcome }) => ({ allowed: outcome.decision, decisionId: id, reason: outcome.reason }));
  };
  return (principal, action, resource, request) => {
    const question = questionOf(principal, action, resource);
    const position = minimumPosition(request);
    if (!position) return decide(question, request);
    return decisions.waitFor(position).then(() => decide(question, request));
  };
}

const questionOf = (principal: Principal, action: string, resource: string): Question => ({
  tenantId: principal.tenantId,
  subject: { type: principal.type, id: principal.id },
  action,
  resource: toEntity(resource),
  credential: countedCredential(principal),
  scopes: principal.scopes,
});
