import type { Entity } from '@gatehouse/contracts';
import type { Decision, Grant, MatchedRule, Request, TenantFacts } from '@gatehouse/evaluator';
import { formatScope, parseResource } from '@gatehouse/evaluator';
import { entityStream } from '../entity/entity.js';
import { grantStream } from '../grant/grant.js';
import { membershipStream } from '../group/group.js';
import { tenantPolicyStream } from '../version/tenant-policy.js';

/** An event of the log: the ledger proves it. */
export interface Origin {
  readonly id: string;
  readonly type: string;
  readonly position: string;
  readonly occurredAt: string;
  readonly actor: Entity;
}

/** A rule that permits, the grant through which it does, and what made that. */
export type Because = MatchedRule & {
  readonly scope?: string;
  /** Who holds the grant, if it is a group of the subject. */
  readonly holder?: Entity;
  readonly events: readonly Origin[];
};

/** What made a fact so is the last event of one stream that is not of the other kind. */
export interface OriginOf {
  readonly stream: string;
  readonly type: 'role.granted' | 'group.joined' | 'entity.described' | 'policy.activated';
}

/** A match with where to look for its events. */
export interface Traced {
  readonly match: MatchedRule & Pick<Because, 'scope' | 'holder'>;
  readonly from: readonly OriginOf[];
}

const ownership = 'owner:';

/** Pure. The permits of a decision, each with the streams that hold its events. */
export function trace(facts: TenantFacts, { subject }: Request, { matched }: Decision): readonly Traced[] {
  const held = new Map(facts.held(subject).map((grant) => [grant.id, grant]));
  return matched.filter(({ effect }) => effect === 'permit').map((match) => traceMatch(match, subject, held, facts));
}

function traceMatch(match: MatchedRule, subject: Entity, held: ReadonlyMap<string, Grant>, facts: TenantFacts): Traced {
  if (!('role' in match)) return { match, from: [{ stream: tenantPolicyStream, type: 'policy.activated' }] };
  const grant = held.get(match.grant);
  if (grant) {
    const direct: OriginOf = { stream: grantStream(grant.id), type: 'role.granted' };
    const scope = formatScope(grant.scope);
    const through = joining(grant.subject, subject);
    if (!through) return { match: { ...match, scope }, from: [direct] };
    return { match: { ...match, scope, holder: grant.subject }, from: [direct, through] };
  }
  const owned = match.grant.startsWith(ownership) ? parseResource(match.grant.slice(ownership.length)) : undefined;
  if (!owned?.ok) return { match, from: [] };
  const owner = facts.entity(owned.value)?.owner;
  const through = owner && joining(owner, subject);
  const described: OriginOf = { stream: entityStream(owned.value), type: 'entity.described' };
  const scope = formatScope(owned.value);
  if (!owner || !through) return { match: { ...match, scope }, from: [described] };
  return { match: { ...match, scope, holder: owner }, from: [described, through] };
}

/** How the subject came to what another one holds. Members of an organization are so by a grant of their own. */
function joining(holder: Entity, subject: Entity): OriginOf | undefined {
  if (holder.type === subject.type && holder.id === subject.id) return undefined;
  return { stream: membershipStream({ group: holder, member: subject }), type: 'group.joined' };
}
