import type { Pepper } from '@gatehouse/crypto';
import { recordedForms } from '@gatehouse/telemetry';
import type { SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import type { EntryRecord } from './entry.entity.js';

const text = z.string().min(1).max(600);
const instant = z.iso.datetime({ offset: true }).transform((value) => new Date(value));

/** What entries can be searched by, as query parameters. Several together must all hold. */
export const filterParameters = {
  /** Whom a decision was about; the actor of any other event. */
  actor: text.optional(),
  /** Who caused the event: for a decision, who asked. */
  caller: text.optional(),
  type: text.optional(),
  action: text.optional(),
  /** `type/id` */
  resource: text.optional(),
  decision: z
    .enum(['true', 'false'])
    .transform((word) => word === 'true')
    .optional(),
  stream: text.optional(),
  /** Id of the event; of a decision, the id in its answer, which in a batch ends with the number of the item. */
  id: z
    .string()
    .max(48)
    .transform((id) => id.replace(/\.\d{1,6}$/, ''))
    .pipe(z.uuid())
    .optional(),
  /** RFC 3339 with an offset; the first moment that counts. */
  from: instant.optional(),
  /** RFC 3339 with an offset; the first moment that no longer counts. */
  to: instant.optional(),
};

const filter = z.object(filterParameters);
/** A search as it came. */
export type AskedFilter = z.output<typeof filter>;

/** What entries are searched by. What holds an address may have been recorded in one of several forms. */
export interface EntryFilter extends Omit<AskedFilter, 'actor' | 'resource'> {
  readonly actor?: readonly string[] | undefined;
  readonly resource?: readonly string[] | undefined;
}

interface Condition {
  readonly sql: string;
  /** Whether an index finds the entries; the others are looked through, a bounded number at a time. */
  readonly indexed: boolean;
  /** Of a batch of decisions: what an item must say, where the items differ and the column is empty. */
  readonly ofItem?: { readonly column: string; readonly sql: string };
}

const conditions: Readonly<Record<keyof EntryFilter, Condition>> = {
  actor: { sql: 'coalesce(e.subject_id, e.actor_id) = any(:actor)', indexed: true },
  from: { sql: 'e.occurred_at >= :from', indexed: true },
  to: { sql: 'e.occurred_at < :to', indexed: true },
  id: { sql: 'e.event_id = :id', indexed: true },
  caller: { sql: 'e.actor_id = :caller', indexed: false },
  type: { sql: 'e.type = :type', indexed: false },
  action: {
    sql: 'e.action = :action',
    indexed: false,
    ofItem: { column: 'e.action', sql: `item ->> 'action' = :action` },
  },
  resource: {
    sql: 'e.resource = any(:resource)',
    indexed: false,
    ofItem: {
      column: 'e.resource',
      sql: `(item -> 'resource' ->> 'type') || '/' || (item -> 'resource' ->> 'id') = any(:resource)`,
    },
  },
  decision: {
    sql: 'e.decision = :decision',
    indexed: false,
    ofItem: { column: 'e.decision', sql: `(item ->> 'decision')::boolean = :decision` },
  },
  stream: { sql: 'e.stream_id = :stream', indexed: false },
};

/**
 * The two ways of being whom an entry is about: alone, or among the subjects of a batch of decisions. Each has its index,
 * and no entry is found by both.
 */
export const whoSql = {
  alone: conditions.actor.sql,
  among: 'e.subject_ids && :actor::text[] and coalesce(e.subject_id, e.actor_id) <> all(:actor)',
} as const;
export type Who = keyof typeof whoSql;

// `json` and not `jsonb`: it reads texts one by one, so that one that it can't read spoils no search for others.
const items = `json_array_elements(case when json_typeof(e.envelope::json -> 'data' -> 'items') = 'array'
  then e.envelope::json -> 'data' -> 'items' else '[]' end)`;

export type EntryQuery = SelectQueryBuilder<EntryRecord>;

/** Adds the conditions of a filter that an index meets to a query whose entry is `e`. */
export function addIndexed(query: EntryQuery, filter: EntryFilter, who: Who): void {
  for (const [name, value, { sql, indexed }] of given(filter))
    if (indexed) query.andWhere(name === 'actor' ? whoSql[who] : sql, { [name]: value });
}

/** Adds the others; answers whether there were any. Those that decisions are searched by must all hold of one item of a batch. */
export function addOthers(query: EntryQuery, filter: EntryFilter, who: Who): boolean {
  const others = given(filter).filter(([, , { indexed }]) => !indexed);
  const alone: string[] = [];
  const batch: string[] = [];
  const item = who === 'among' ? [ofSubject] : [];
  for (const [name, value, { sql, ofItem }] of others) {
    query.setParameter(name, value);
    if (!ofItem) query.andWhere(sql);
    else {
      alone.push(sql);
      batch.push(`(${ofItem.column} is null or ${sql})`);
      item.push(ofItem.sql);
    }
  }
  if (alone.length > 0) {
    const inBatch = `e.type = 'decisions.recorded' and ${batch.join(' and ')}
      and exists (select from ${items} item where ${item.join(' and ')})`;
    query.andWhere(who === 'among' ? inBatch : `((${alone.join(' and ')}) or (${inBatch}))`);
  }
  return others.length > 0;
}

const ofSubject = `item -> 'subject' ->> 'id' = any(:actor)`;

const given = (filter: EntryFilter) =>
  Object.entries(conditions).flatMap(([name, condition]) => {
    const value = filter[name as keyof EntryFilter];
    return value === undefined ? [] : [[name, value, condition] as const];
  });

/** An identifier that is somebody's address was recorded as a pseudonym: it is searched in every form that it may have. */
export function withPseudonyms(filter: AskedFilter, pepper: Pepper): EntryFilter {
  const { actor, resource, ...others } = filter;
  const slash = resource?.indexOf('/') ?? -1;
  return {
    ...others,
    ...(actor !== undefined && { actor: recordedForms(pepper, actor) }),
    ...(resource !== undefined && {
      resource: recordedForms(pepper, resource.slice(slash + 1)).map((id) => resource.slice(0, slash + 1) + id),
    }),
  };
}
