import type { Actor, DecisionRecorded, Entity } from '@gatehouse/contracts';
import { type Pepper, uuidv7 } from '@gatehouse/crypto';
import {
  type CompiledPolicy,
  type Decision,
  evaluate,
  isWithinScopes,
  type MatchedRule,
  needed,
  type Request,
  type TenantFacts,
} from '@gatehouse/evaluator';
import { type GroupCommit, StoreUnavailable, writeEvent } from '@gatehouse/event-store';
import type { Facts } from '../facts/facts.js';
import type { ActivePolicies } from '../version/active-policies.js';
import { recordable } from './identifiers.js';

/** One question, and who asks it. */
export interface Question {
  readonly tenantId: string;
  readonly subject: Entity;
  readonly action: string;
  readonly resource: Entity;
  /** Action patterns the credential is limited to; absent: no limit. */
  readonly scopes?: readonly string[] | undefined;
}

export interface Asked {
  readonly caller: Actor;
  /** Trace id of the call. */
  readonly correlationId: string;
  readonly ip?: string;
}

export interface RecordedDecision extends Decision {
  readonly id: string;
  readonly policy: string;
  readonly facts: string;
  /** Roles that would have permitted it; of a default deny. */
  readonly needed?: readonly string[];
}

/** Facts are not loaded yet: nothing can be decided. */
export class FactsNotLoaded extends StoreUnavailable {
  override readonly name = 'FactsNotLoaded';
}

export interface DeciderOptions {
  readonly facts: Facts;
  readonly policies: ActivePolicies;
  readonly commits: GroupCommit;
  readonly pepper: Pepper;
}

const ruleName = (match: MatchedRule): string =>
  'role' in match ? `${match.role}#${match.rule}@${match.grant}` : match.policy;

/** Evaluates in memory, records, and answers only when the record is durable (P1). */
export class DecisionPoint {
  readonly #options: DeciderOptions;

  constructor(options: DeciderOptions) {
    this.#options = options;
  }

  /** Without a record: for asking whether a caller may ask at all. */
  evaluate(question: Question, nowMs = Date.now()): Decision {
    if (!this.#options.facts.loaded) throw new FactsNotLoaded('the facts are being loaded');
    if (!isWithinScopes(question.scopes, question.action))
      return { decision: false, reason: 'out_of_scope', matched: [] };
    return evaluate(...this.#inputs(question), nowMs);
  }

  #inputs({ tenantId, subject, action, resource }: Question): readonly [CompiledPolicy, TenantFacts, Request] {
    const { facts, policies, pepper } = this.#options;
    const request = {
      subject: recordable(pepper, subject),
      action: { name: action },
      resource: recordable(pepper, resource),
    };
    return [policies.of(tenantId).policy, facts.live.tenant(tenantId), request];
  }

  /** @throws StoreUnavailable, StoreOverloaded: the answer is then an error, never "allow" */
  async decide(question: Question, asked: Asked): Promise<RecordedDecision> {
    const { facts, policies, commits, pepper } = this.#options;
    const now = Date.now();
    const answer = this.evaluate(question, now);
    const isLacking = answer.reason === 'no_permit' || answer.reason === 'no_grant';
    const lacking = isLacking && { needed: needed(...this.#inputs(question), now).roles };
    const id = uuidv7(now);
    const data: DecisionRecorded = {
      subject: recordable(pepper, question.subject),
      action: question.action,
      resource: recordable(pepper, question.resource),
      decision: answer.decision,
      reason: answer.reason,
      policy: policies.of(question.tenantId).policy.digest,
      facts: facts.position,
      matched: answer.matched.map(ruleName),
    };
    const event = writeEvent({ id, type: 'decision.recorded', version: 1, data }, `decision:${id}`, 1, {
      tenantId: question.tenantId,
      actor: asked.caller,
      now,
      correlationId: asked.correlationId,
      ...(asked.ip && { source: { ip: asked.ip } }),
    });
    await commits.append(event);
    return { ...answer, ...lacking, id, policy: data.policy, facts: data.facts };
  }
}
