import { type Position, startPosition } from '@gatehouse/contracts';
import { LiveFacts, type TenantFacts } from '@gatehouse/evaluator';
import { parseEnvelope, type Query, readUpTo } from '@gatehouse/event-store';
import { factChangeOf, factTypes, isFactType } from './fact-events.js';

const types = ['user', 'team', 'project', 'ticket', 'service', 'org'];

/** All that can be read of the facts of a tenant, in an order of its own. */
export function dump(facts: TenantFacts): unknown {
  return types.flatMap((type) => [
    ...facts.subjectIds(type).map((id) => {
      const held = facts.held({ type, id });
      const related = types.flatMap((of) =>
        facts.resourceIds(of).filter((on) => facts.isRelated({ type, id }, 'assignee', { type: of, id: on })),
      );
      const groups = facts.groups({ type, id }).map((group) => `${group.type}/${group.id}`);
      return [`subject ${type}/${id}`, held.map((grant) => JSON.stringify(grant)).sort(), [...groups].sort(), related];
    }),
    ...facts.resourceIds(type).map((id) => {
      const above = facts.ancestors({ type, id }).map((each) => `${each.type}/${each.id}`);
      return [`resource ${type}/${id}`, facts.entity({ type, id }) ?? null, above];
    }),
  ]);
}

/** The log, folded from its beginning up to a position. */
export async function foldLog(query: Query, upTo: Position): Promise<LiveFacts> {
  const facts = new LiveFacts();
  for (let after = startPosition; ; ) {
    const events = await readUpTo(query, after, upTo, { limit: 1_000, types: factTypes });
    for (const { type, tenantId, text } of events) {
      const change = isFactType(type) ? factChangeOf(type, parseEnvelope(text).data) : undefined;
      if (change) facts.apply(tenantId, change);
    }
    const last = events.at(-1);
    if (!last || events.length < 1_000) return facts;
    after = last.position;
  }
}
