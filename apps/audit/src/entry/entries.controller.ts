import type { Envelope } from '@gatehouse/contracts';
import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { mayReadLedger } from '../audit-access.js';
import { EntryRecord } from './entry.entity.js';
import { filterParameters, withPseudonyms } from './entry-filter.js';
import { entryView, toEntryView } from './entry-view.js';
import { formatPlace, parsePlace, searchEntries } from './search-entries.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/entries',
  summary: "Lists entries of the caller's tenant, by when they happened",
  access: mayReadLedger,
  query: z.object({
    ...filterParameters,
    order: z.enum(['newest', 'oldest']).default('newest'),
    limit: z.coerce.number().int().min(1).max(500).default(50),
    /** `nextCursor` of the page before, with the same parameters otherwise. */
    cursor: z
      .string()
      .max(40)
      .transform((text) => parsePlace(text))
      .refine((place) => place !== undefined, 'is not a cursor')
      .optional(),
  }),
  response: z.object({ entries: z.array(entryView), nextCursor: z.string().nullable() }),
});

export const entryIndex = z.object({ index: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER) });

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/entries/:index',
  summary: "Reads one entry of the caller's tenant, with the whole event",
  access: mayReadLedger,
  params: entryIndex,
  response: entryView.extend({ envelope: z.looseObject({}) }),
});

@Controller()
export class EntriesController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { order, limit, cursor, ...filter } = query;
    const search = {
      tenantId,
      filter: withPseudonyms(filter, this.platform.pepper),
      order,
      limit,
      after: cursor,
    };
    const page = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      searchEntries(manager, search),
    );
    return {
      entries: page.entries.map((entry) => toEntryView(entry)),
      nextCursor: page.next ? formatPlace(page.next) : null,
    };
  }

  @Route(read)
  async read(@Input() { params }: InputOf<typeof read>, @Caller() { tenantId }: Principal) {
    const entry = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      manager.findOneBy(EntryRecord, { index: params.index, tenantId }),
    );
    if (!entry) throw new ProblemError('not_found', 'There is no such entry');
    const envelope = JSON.parse(entry.envelope) as Envelope;
    return { ...toEntryView(entry, envelope, Number.POSITIVE_INFINITY), envelope };
  }
}
