import type { Argv, InferredOptionTypes, Options } from 'yargs';
import type { Client, Query } from '../client.js';
import { instantOf } from '../instant.js';
import type { Reference } from '../reference.js';

/** What entries are searched by; several together must all hold. */
export const filterOptions = {
  actor: { type: 'string', requiresArg: true, describe: 'Whom it is about, type/id or id: of a decision the subject' },
  action: { type: 'string', requiresArg: true, describe: 'Action of a decision, such as deploy.preview' },
  type: { type: 'string', requiresArg: true, describe: 'Type of event, such as decision.recorded' },
  decision: { choices: ['allow', 'deny'], describe: 'Outcome of a decision' },
  resource: { type: 'string', requiresArg: true, describe: 'Resource of a decision, type/id' },
  from: { type: 'string', requiresArg: true, describe: 'First moment that counts: a day, or RFC 3339' },
  to: { type: 'string', requiresArg: true, describe: 'First moment that no longer counts: a day, or RFC 3339' },
  id: { type: 'string', requiresArg: true, describe: 'Id of the event; of a decision, the id in its answer' },
} as const satisfies Record<string, Options>;
export type FilterFlags = InferredOptionTypes<typeof filterOptions>;

export const withFilters = <F>(parser: Argv<F>) => parser.options(filterOptions);

/** An entry as audit lists it. */
export interface Entry {
  readonly index: number;
  readonly id: string;
  readonly type: string;
  readonly occurredAt: string;
  readonly actor: Reference;
  readonly subject?: Reference;
  readonly action?: string;
  readonly resource?: string;
  readonly decision?: boolean;
  readonly reason?: string;
  /** Of a batch. */
  readonly decisions?: { readonly total: number; readonly allowed: number };
  readonly summary: string;
  readonly streamId: string;
}

/** @throws Failure for a time or resource of another form */
export function queryOf(flags: FilterFlags): Query {
  const { actor, action, type, decision, resource, from, to, id } = flags;
  return {
    actor: actor === undefined ? undefined : actorOf(actor).id,
    action,
    type,
    decision: decision === undefined ? undefined : String(decision === 'allow'),
    resource: resource === undefined || resource.includes('/') ? resource : `scope/${resource}`,
    from: instantOf('--from', from),
    to: instantOf('--to', to),
    id,
  };
}

function actorOf(text: string): Partial<Reference> & { id: string } {
  const slash = text.indexOf('/');
  return slash < 1 ? { id: text } : { type: text.slice(0, slash), id: text.slice(slash + 1) };
}

const pageSize = 500;

/** The newest entries that match, newest first, page after page until there are enough. */
export async function searchEntries(client: Client, flags: FilterFlags, limit: number): Promise<Entry[]> {
  const query = queryOf(flags);
  const { type } = flags.actor === undefined ? {} : actorOf(flags.actor);
  const found: Entry[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.get<{ entries: Entry[]; nextCursor: string | null }>('/api/v1/audit/entries', {
      ...query,
      // The service searches by id alone: of what it finds, entries about another type of actor are left out.
      limit: type === undefined ? Math.min(pageSize, limit - found.length) : pageSize,
      cursor,
    });
    found.push(...page.entries.filter(({ subject, actor }) => type === undefined || (subject ?? actor).type === type));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && found.length < limit);
  return found.slice(0, limit);
}
