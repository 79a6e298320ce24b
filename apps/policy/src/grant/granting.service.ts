import { formatPosition, type Position, type RoleGranted } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import { formatScope, isWithinCeiling, parseScope, parseSubject, type Subject } from '@gatehouse/evaluator';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { defineProblems, type Principal, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { recordable } from '../decision/identifiers.js';
import type { Facts } from '../facts/facts.js';
import type { ActivePolicies } from '../version/active-policies.js';
import { type GrantTerms, grantDecider, grantIdOf, grantStream } from './grant.js';
import { grantRole } from './grant-role/grant-role.js';
import { revokeRole } from './revoke-role/revoke-role.js';

defineProblems({
  last_owner: { status: 409, title: 'A tenant keeps at least one owner' },
  role_unknown: { status: 400, title: 'The active policy has no such role' },
  above_own_ceiling: { status: 403, title: 'The role may do there what the caller may not' },
  foreign_tenant_on_everything: { status: 400, title: 'Another tenant gets a role on single resources only' },
});

export interface GrantingOptions {
  readonly store: PostgresEventStore;
  readonly facts: Facts;
  readonly policies: ActivePolicies;
  readonly pepper: Pepper;
}

/** Longest wait for this replica to have read what it has just written; other replicas follow on their own. */
const ownWriteWaitMs = 1_000;

const wholeTenant = '*';

/** Gives and takes roles, never above whoever does it. Whether he may at all is decided before. */
export class Granting {
  readonly #options: GrantingOptions;

  constructor(options: GrantingOptions) {
    this.#options = options;
  }

  /** The terms in their recordable form. @throws ProblemError `validation_failed` */
  terms(given: { subject: Subject; role: string; scope: unknown }, scopePath = 'body.scope'): GrantTerms {
    const subject = parseSubject(given.subject, 'body.subject');
    const scope = parseScope(given.scope, scopePath);
    const errors = [subject, scope].flatMap((part) => (part.ok ? [] : part.errors));
    if (!subject.ok || !scope.ok) throw new ProblemError('validation_failed', undefined, { errors });
    const { pepper } = this.#options;
    return {
      subject: recordable(pepper, subject.value),
      role: given.role,
      scope: formatScope(scope.value === wholeTenant ? wholeTenant : recordable(pepper, scope.value)),
    };
  }

  /** @throws ProblemError `role_unknown`, `above_own_ceiling`, `foreign_tenant_on_everything` */
  async grant(terms: GrantTerms, caller: Principal, context: CommandContext) {
    const { tenantId } = caller;
    if (!this.#knows(tenantId, terms.role)) throw new ProblemError('role_unknown');
    const { subject, scope } = terms;
    if (subject.type === 'org' && subject.id !== tenantId && scope === wholeTenant)
      throw new ProblemError('foreign_tenant_on_everything');
    this.#assertWithinCeiling(caller, terms);
    const grantId = grantIdOf(terms);
    const result = await handle(this.#options.store, grantDecider, {
      streamId: grantStream(grantId),
      context,
      decide: grantRole(terms),
    });
    return this.#settled({ grantId, ...terms, revision: result.revision }, result.position);
  }

  /** What was granted, whether or not it still holds. @throws ProblemError `not_found` */
  async granted(tenantId: string, grantId: string): Promise<RoleGranted> {
    const stored = await this.#options.store.read(tenantId, grantStream(grantId));
    const granted = stored.events.find((event) => event.type === 'role.granted')?.data as RoleGranted | undefined;
    if (!granted) throw new ProblemError('not_found', 'There is no such grant');
    return granted;
  }

  /** @throws ProblemError `above_own_ceiling`, `last_owner` */
  async revoke(granted: RoleGranted, caller: Principal, context: CommandContext) {
    const { tenantId } = caller;
    const { grantId, role, scope } = granted;
    // What gives nothing is above nobody.
    if (this.#knows(tenantId, role)) this.#assertWithinCeiling(caller, granted);
    const result = await this.#options.store.together(tenantId, async (log, client) => {
      if (role === 'owner' && scope === wholeTenant) await keepAnOwner(client, tenantId, grantId);
      return handle(log, grantDecider, { streamId: grantStream(grantId), context, decide: revokeRole() });
    });
    return this.#settled({ grantId, revoked: true, revision: result.revision }, result.position);
  }

  #knows(tenantId: string, role: string): boolean {
    return this.#options.policies.of(tenantId).policy.rolesByName.has(role);
  }

  #assertWithinCeiling({ tenantId, type, id }: Principal, { role, scope }: GrantTerms): void {
    const { facts, policies, pepper } = this.#options;
    const parsed = parseScope(scope);
    const granter = recordable(pepper, { type, id });
    const { policy } = policies.of(tenantId);
    if (!parsed.ok || !isWithinCeiling(policy, facts.live.tenant(tenantId), granter, role, parsed.value))
      throw new ProblemError('above_own_ceiling');
  }

  /** Whoever was told of a grant may ask a decision at once: this replica has it by then. */
  async #settled<T extends object>(answer: T, position: Position | undefined) {
    if (!position) return answer;
    await this.#options.facts.waitFor(position, ownWriteWaitMs);
    return { ...answer, position: formatPosition(position) };
  }
}

/**
 * Without an owner nobody could grant the role again. The rows of all owners are locked in one order, so that whoever
 * revokes the other one at the same moment waits here and then sees that he was second. A team or another tenant is
 * nobody in particular, and may be empty.
 */
async function keepAnOwner(client: pg.PoolClient, tenantId: string, grantId: string): Promise<void> {
  const { rows } = await client.query<{ grant_id: string }>(
    `select grant_id from grants where tenant_id = $1 and role = 'owner' and scope = '*' and active
       and subject_type in ('user', 'service') order by grant_id for update`,
    [tenantId],
  );
  const isHeld = rows.some((row) => row.grant_id === grantId);
  if (isHeld && rows.length === 1) throw new ProblemError('last_owner', 'Make somebody else an owner first');
}

/** The resource of a decision about a role: custom roles stand apart, so that no policy makes one that counts as built in. */
export const roleResource = (role: string, builtin: readonly string[]): string =>
  builtin.includes(role) ? `role/${role}` : `role/custom/${role}`;
