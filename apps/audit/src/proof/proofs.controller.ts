import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import type { TileReader } from '@gatehouse/merkle';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Header, Inject } from '@nestjs/common';
import { In } from 'typeorm';
import { z } from 'zod';
import { mayReadLedger } from '../audit-access.js';
import { readLatestCheckpoint } from '../checkpoint/checkpoint-rows.js';
import type { SignedCheckpoint } from '../checkpoint/signed-checkpoint.js';
import { entryIndex } from '../entry/entries.controller.js';
import { EntryRecord } from '../entry/entry.entity.js';
import { filterParameters, withPseudonyms } from '../entry/entry-filter.js';
import { searchEntries } from '../entry/search-entries.js';
import { nextCheckpointSeconds } from '../problems.js';
import { TILES } from '../tokens.js';
import { proveEntries } from './prove-entries.js';

/** With entries of 60,000 bytes, the longest there are, a file of so many stays below the format's 64 MiB. */
const maxProofs = 500;

const one = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/entries/:index/proof',
  summary: 'Proves one entry: a file that can be verified offline (c2sp.org/tlog-proof)',
  access: mayReadLedger,
  params: entryIndex,
  problems: ['not_yet_covered'],
});

const indexList = z
  .string()
  .regex(/^\d{1,15}(,\d{1,15})*$/, 'is not a list of indexes')
  .transform((list) => [...new Set(list.split(',').map(Number))].sort((a, b) => a - b))
  .refine((indexes) => indexes.length <= maxProofs, `has more than ${maxProofs} indexes`);

const many = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/proofs',
  summary: 'Proves several entries in one file: by index, or the last ones that match a search',
  access: mayReadLedger,
  query: z.object({
    ...filterParameters,
    indexes: indexList.optional(),
    last: z.coerce.number().int().min(1).max(maxProofs).optional(),
  }),
  problems: ['not_yet_covered'],
});

const notYet = () => new ProblemError('not_yet_covered', undefined, { retryAfterSeconds: nextCheckpointSeconds });

@Controller()
export class ProofsController {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(TILES) private readonly tiles: TileReader,
  ) {}

  @Route(one)
  @Header('content-type', 'text/plain; charset=utf-8')
  async one(@Input() { params }: InputOf<typeof one>, @Caller() { tenantId }: Principal) {
    return this.byIndex(tenantId, [params.index]);
  }

  @Route(many)
  @Header('content-type', 'text/plain; charset=utf-8')
  async many(@Input() { query }: InputOf<typeof many>, @Caller() { tenantId }: Principal) {
    const { indexes, last, ...filter } = query;
    const isFiltered = Object.values(filter).some((value) => value !== undefined);
    if ((indexes === undefined) === (last === undefined) || (indexes && isFiltered))
      throw new ProblemError('validation_failed', 'Give either indexes, or last and what to search by');
    if (indexes) return this.byIndex(tenantId, indexes);
    const checkpoint = await this.latest();
    const found = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      searchEntries(manager, {
        tenantId,
        filter: withPseudonyms(filter, this.platform.pepper),
        order: 'newest',
        limit: last ?? 1,
        below: checkpoint.size,
      }),
    );
    if (found.entries.length === 0) throw new ProblemError('not_found', 'No entry under a checkpoint matches');
    const inOrder = [...found.entries].sort((a, b) => a.index - b.index);
    return proveEntries(inOrder, checkpoint, this.tiles);
  }

  private async byIndex(tenantId: string, indexes: readonly number[]): Promise<string> {
    const entries = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      manager.find(EntryRecord, { where: { tenantId, index: In([...indexes]) }, order: { index: 'ASC' } }),
    );
    // Somebody else's entry and one that does not exist answer alike.
    if (entries.length !== indexes.length) throw new ProblemError('not_found', 'There is no such entry');
    const checkpoint = await this.latest();
    if (entries.some((entry) => entry.index >= checkpoint.size)) throw notYet();
    return proveEntries(entries, checkpoint, this.tiles);
  }

  private async latest(): Promise<SignedCheckpoint> {
    const checkpoint = await readLatestCheckpoint(this.platform.database.system);
    if (!checkpoint) throw notYet();
    return checkpoint;
  }
}
