import type { Position } from '@gatehouse/contracts';
import { type FactChange, parseScope, type Scope } from '@gatehouse/evaluator';
import { inTransaction } from '@gatehouse/event-store';
import type pg from 'pg';
import { type CopiedRow, copyOut } from './copy-out.js';

export interface FactsSnapshot {
  /** Everything up to here is in the rows. */
  readonly position: Position;
  /** Nothing from here on is in the rows; what lies between the two may be in them and may not. */
  readonly end: Position;
}

const lastSeq = 9_223_372_036_854_775_807n;

/** The same text once: a million grants name a few tenants, types, roles and scopes. Ids are told apart by the index itself. */
class Texts {
  readonly #known = new Map<string, string>();

  one(text: string | null | undefined): string {
    if (text == null) throw nullFound();
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, text);
    return text;
  }
}

type ToChange = (row: CopiedRow, texts: Texts, scopeOf: (text: string) => Scope | undefined) => FactChange | undefined;

const named = (texts: Texts, type: CopiedRow[number] | undefined, id: CopiedRow[number] | undefined) => {
  if (id == null) throw nullFound();
  return { type: texts.one(type), id };
};
const nullFound = () => new TypeError('a read model has a null where none may be');
const json = (text: CopiedRow[number] | undefined) => JSON.parse(text ?? 'null');

/** Each read model of facts: its columns, the tenant first, and what a row says. */
const models: readonly { readonly select: string; readonly toChange: ToChange }[] = [
  {
    select: 'select tenant_id, grant_id, subject_type, subject_id, role, scope from grants where active',
    toChange: ([, id, type, subject, role, scopeText], texts, scopeOf) => {
      const scope = scopeOf(texts.one(scopeText));
      // A scope that can't be read gives nothing: it was refused when it was granted.
      if (scope === undefined) return undefined;
      return {
        kind: 'granted',
        grant: { id: id ?? '', subject: named(texts, type, subject), role: texts.one(role), scope },
      };
    },
  },
  {
    select: `select tenant_id, group_entity ->> 'type', group_entity ->> 'id', member_entity ->> 'type',
               member_entity ->> 'id' from group_members`,
    toChange: ([, type, id, memberType, memberId], texts) => ({
      kind: 'joined',
      group: named(texts, type, id),
      member: named(texts, memberType, memberId),
    }),
  },
  {
    select: `select tenant_id, entity_type, entity_id, labels, properties, parents, owner_type, owner_id from entities`,
    toChange: ([, type, id, labels, properties, parents, ownerType, ownerId], texts) => ({
      kind: 'described',
      facts: {
        entity: named(texts, type, id),
        labels: json(labels),
        properties: json(properties),
        parents: json(parents),
        ...(ownerType != null && { owner: named(texts, ownerType, ownerId) }),
      },
    }),
  },
  {
    select: 'select tenant_id, subject_type, subject_id, relation, resource_type, resource_id from relationships',
    toChange: ([, type, id, relation, resourceType, resourceId], texts) => ({
      kind: 'related',
      relationship: {
        subject: named(texts, type, id),
        relation: texts.one(relation),
        resource: named(texts, resourceType, resourceId),
      },
    }),
  },
];

/**
 * All facts of all tenants as of one snapshot, one change each, and where in the log that snapshot stands. `also` reads
 * more of the same snapshot. `signal` ends it.
 */
export function readFacts(
  pool: pg.Pool,
  apply: (tenantId: string, change: FactChange) => void,
  options: { readonly signal: AbortSignal; readonly also?: (client: pg.PoolClient) => Promise<void> },
): Promise<FactsSnapshot> {
  return inTransaction(pool, async (client) => {
    // Read only, so it takes no transaction id and holds back no reader of a log, however long it takes.
    await client.query(`set transaction isolation level repeatable read read only; set local statement_timeout = '1h'`);
    const { rows } = await client.query<{ min: string; max: string }>(
      'select pg_snapshot_xmin(s)::text as min, pg_snapshot_xmax(s)::text as max from pg_current_snapshot() s',
    );
    const texts = new Texts();
    const scopes = new Map<string, Scope | undefined>();
    const scopeOf = (text: string): Scope | undefined => {
      if (!scopes.has(text)) {
        const parsed = parseScope(text);
        scopes.set(text, parsed.ok ? parsed.value : undefined);
      }
      return scopes.get(text);
    };
    for (const { select, toChange } of models)
      await copyOut(client, select, (row) => {
        options.signal.throwIfAborted();
        const change = toChange(row, texts, scopeOf);
        if (change) apply(texts.one(row[0]), change);
      });
    await options.also?.(client);
    const before = (tx: string | undefined): Position => ({ tx: BigInt(tx ?? 1) - 1n, seq: lastSeq });
    return { position: before(rows[0]?.min), end: before(rows[0]?.max) };
  });
}
