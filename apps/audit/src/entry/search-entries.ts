import type { EntityManager } from 'typeorm';
import { EntryRecord } from './entry.entity.js';
import { addIndexed, addOthers, type EntryFilter, type EntryQuery, type Who } from './entry-filter.js';

export interface EntrySearch {
  readonly tenantId: string;
  readonly filter: EntryFilter;
  readonly order: 'newest' | 'oldest';
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: Place | undefined;
  /** Only entries below this index. */
  readonly below?: number;
  /** Entries looked through for one page when a condition has no index; {@link maxLookedThrough} unless given. */
  readonly lookThrough?: number;
}

/** Entries are listed by when they happened, and within one moment by index. */
export interface Place {
  readonly atMs: number;
  readonly index: number;
}

export interface EntryPage {
  readonly entries: readonly EntryRecord[];
  /** Where the next page begins; undefined when there is nothing more. A page may be short, even empty, and have one. */
  readonly next: Place | undefined;
}

/** A page is answered in bounded time, however rare what is searched for. */
export const maxLookedThrough = 50_000;

export const formatPlace = ({ atMs, index }: Place): string => `${atMs}.${index}`;

/** Reverse of {@link formatPlace}; undefined for any other text. */
export function parsePlace(text: string): Place | undefined {
  const [, atMs, index] = /^(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
  return atMs && index ? { atMs: Number(atMs), index: Number(index) } : undefined;
}

/**
 * One page of a tenant's entries. The transaction is bound to the tenant already; the condition here is the first wall,
 * row-level security the second.
 */
export async function searchEntries(manager: EntityManager, search: EntrySearch): Promise<EntryPage> {
  const alone = await searchOne(manager, search, 'alone');
  if (search.filter.actor === undefined) return alone;
  return merge([alone, await searchOne(manager, search, 'among')], search);
}

async function searchOne(manager: EntityManager, search: EntrySearch, who: Who): Promise<EntryPage> {
  const { filter, limit } = search;
  const query = start(manager, search, who);
  const end = addOthers(query, filter, who) ? await lookedThrough(manager, search, who) : undefined;
  if (end) compare(query, search.order === 'newest' ? '>=' : '<=', end, 'end');
  const found = await query.take(limit + 1).getMany();
  const entries = found.slice(0, limit);
  const last = entries.at(-1);
  const next = found.length > limit && last ? placeOf(last) : end;
  return { entries, next };
}

/** One page of several that were found apart: up to where all of them have looked. */
function merge(pages: readonly EntryPage[], { order, limit }: EntrySearch): EntryPage {
  const sign = order === 'newest' ? -1 : 1;
  const inOrder = (a: Place, b: Place) => sign * (a.atMs - b.atMs || a.index - b.index);
  const [end] = pages.flatMap(({ next }) => next ?? []).sort(inOrder);
  const all = pages.flatMap(({ entries }) => entries).sort((a, b) => inOrder(placeOf(a), placeOf(b)));
  const looked = end ? all.filter((entry) => inOrder(placeOf(entry), end) <= 0) : all;
  const entries = looked.slice(0, limit);
  const last = entries.at(-1);
  return { entries, next: looked.length > limit && last ? placeOf(last) : end };
}

const placeOf = (entry: EntryRecord): Place => ({ atMs: entry.occurredAt.getTime(), index: entry.index });

/** The entries after the cursor that meet the indexed conditions, in order. */
function start(manager: EntityManager, search: EntrySearch, who: Who): EntryQuery {
  const { tenantId, filter, order, after, below } = search;
  const query = manager.createQueryBuilder(EntryRecord, 'e').where('e.tenant_id = :tenantId', { tenantId });
  addIndexed(query, filter, who);
  if (below !== undefined) query.andWhere('e.idx < :below', { below });
  if (after) compare(query, order === 'newest' ? '<' : '>', after, 'after');
  const direction = order === 'newest' ? 'DESC' : 'ASC';
  return query.orderBy('e.occurredAt', direction).addOrderBy('e.index', direction);
}

function compare(query: EntryQuery, operator: '<' | '>' | '<=' | '>=', place: Place, name: string): void {
  query.andWhere(`(e.occurred_at, e.idx) ${operator} (:${name}At, :${name}Index)`, {
    [`${name}At`]: new Date(place.atMs),
    [`${name}Index`]: place.index,
  });
}

/** The last place that one page may look at, or undefined when all that is left may be looked at. */
async function lookedThrough(manager: EntityManager, search: EntrySearch, who: Who): Promise<Place | undefined> {
  const query = start(manager, search, who).select(['e.index', 'e.occurredAt']);
  const last = await query
    .offset((search.lookThrough ?? maxLookedThrough) - 1)
    .limit(1)
    .getOne();
  return last ? placeOf(last) : undefined;
}
