import { type Pepper, pseudonym } from '@gatehouse/crypto';
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
  /** Id of the event; of a decision, the id in its answer. */
  id: z.uuid().optional(),
  /** RFC 3339 with an offset; the first moment that counts. */
  from: instant.optional(),
  /** RFC 3339 with an offset; the first moment that no longer counts. */
  to: instant.optional(),
};

const filter = z.object(filterParameters);
export type EntryFilter = z.output<typeof filter>;

interface Condition {
  readonly sql: string;
  /** Whether an index finds the entries; the others are looked through, a bounded number at a time. */
  readonly indexed: boolean;
}

const conditions: Readonly<Record<keyof EntryFilter, Condition>> = {
  actor: { sql: 'coalesce(e.subject_id, e.actor_id) = :actor', indexed: true },
  from: { sql: 'e.occurred_at >= :from', indexed: true },
  to: { sql: 'e.occurred_at < :to', indexed: true },
  id: { sql: 'e.event_id = :id', indexed: true },
  caller: { sql: 'e.actor_id = :caller', indexed: false },
  type: { sql: 'e.type = :type', indexed: false },
  action: { sql: 'e.action = :action', indexed: false },
  resource: { sql: 'e.resource = :resource', indexed: false },
  decision: { sql: 'e.decision = :decision', indexed: false },
  stream: { sql: 'e.stream_id = :stream', indexed: false },
};

export type EntryQuery = SelectQueryBuilder<EntryRecord>;

/** Adds the conditions of a filter to a query whose entry is `e`; answers whether there were any. */
export function addConditions(query: EntryQuery, filter: EntryFilter, indexed: boolean): boolean {
  let added = false;
  for (const [name, condition] of Object.entries(conditions)) {
    const value = filter[name as keyof EntryFilter];
    if (value === undefined || condition.indexed !== indexed) continue;
    query.andWhere(condition.sql, { [name]: value });
    added = true;
  }
  return added;
}

/** An identifier with an `@` was recorded as its pseudonym (see policy): it is searched as one. */
export function withPseudonyms(filter: EntryFilter, pepper: Pepper): EntryFilter {
  const { actor, resource } = filter;
  const slash = resource?.indexOf('/') ?? -1;
  const recorded = (id: string) => (id.includes('@') ? pseudonym(pepper, id) : id);
  return {
    ...filter,
    ...(actor !== undefined && { actor: recorded(actor) }),
    ...(resource !== undefined && { resource: resource.slice(0, slash + 1) + recorded(resource.slice(slash + 1)) }),
  };
}
