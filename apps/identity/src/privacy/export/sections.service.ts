import { call } from '@gatehouse/bus';
import { personalData } from '@gatehouse/contracts';
import type { NatsConnection } from '@nats-io/transport-node';
import type pg from 'pg';
import type { AreaContext } from '../../area.js';
import type { People } from '../../person/people.service.js';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { eventsNaming, readableEvent } from './own-events.service.js';

export type Page = readonly Readonly<Record<string, unknown>>[];

/** One file of the archive: what it holds, and how that is read, a page at a time. */
export interface Section {
  /** Also the phase that the progress names. */
  readonly name: string;
  readonly about: string;
  readonly read: (found: Found) => AsyncIterable<Page>;
}

/** What sections tell those that come after them. */
export interface Found {
  readonly userId: string;
  /** Tenants whose events name the person: every one she is, was or tried to become a member of. */
  readonly tenantIds: Set<string>;
}

export interface SectionSources extends Pick<AreaContext, 'personalData'> {
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly people: People;
  readonly subjectKeys: SubjectKeys;
  readonly bus: () => NatsConnection;
}

const rpcTimeoutMs = 15_000;
/** The contract's bound. */
const maxTenants = 1_000;

/** Everything that is held on a person, in the order in which it is read: identity's events name the tenants to ask about. */
export function sectionsOf(sources: SectionSources): readonly Section[] {
  return [
    { name: 'profile', about: 'Who you are here', read: ({ userId }) => profile(sources, userId) },
    {
      name: 'identity_events',
      about: 'What happened to you, and what you did: the log of the service that knows people',
      read: (found) => ownEvents(sources, found),
    },
    ...sources.personalData().map(({ kind, read }) => ({
      name: kind,
      about: `Kept on you beside that log: ${kind.replaceAll('_', ' ')}`,
      read: ({ userId }: Found) => onePage(() => read(userId)),
    })),
    { name: 'policy', about: 'Roles that were given to you', read: (found) => ofService(sources, 'policy', found) },
    {
      name: 'registry',
      about: 'Your devices, and sessions on devices that you opened',
      read: (found) => ofService(sources, 'registry', found),
    },
    {
      name: 'audit',
      about: 'Entries of the ledger about you and by you, decisions among them. Each can be proved by its index',
      read: (found) => ofService(sources, 'audit', found),
    },
  ];
}

async function* profile({ people }: SectionSources, userId: string): AsyncGenerator<Page> {
  const person = await people.byId(userId);
  if (!person) return;
  const { homeTenantId, status, registeredAt } = person;
  yield [{ userId, homeTenantId, status, registeredAt, ...(await people.profileOf(person)) }];
}

async function* ownEvents({ pool, subjectKeys }: SectionSources, found: Found): AsyncGenerator<Page> {
  for await (const events of eventsNaming(pool, found.userId)) {
    for (const { tenantId } of events) if (found.tenantIds.size < maxTenants) found.tenantIds.add(tenantId);
    yield await Promise.all(events.map((event) => readableEvent(pool, subjectKeys, found.userId, event)));
  }
}

async function* onePage(read: () => Promise<Page>): AsyncGenerator<Page> {
  yield await read();
}

async function* ofService({ bus }: SectionSources, service: string, found: Found): AsyncGenerator<Page> {
  const question = { userId: found.userId, tenantIds: [...found.tenantIds] };
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const page = await call(
      bus(),
      personalData(service),
      { ...question, ...(cursor !== undefined && { cursor }) },
      rpcTimeoutMs,
    );
    yield page.items.map(({ kind, record }) => ({ kind, ...record }));
    cursor = page.nextCursor;
  }
}
