import { defineRoute, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { consistencyProof, parseTilePath, TILE_WIDTH, type TileReader } from '@gatehouse/merkle';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Header, Inject } from '@nestjs/common';
import { z } from 'zod';
import { mayReadLedger } from '../audit-access.js';
import { nextCheckpointSeconds } from '../problems.js';
import { LOG_KEY, TILES } from '../tokens.js';
import { readLatestCheckpoint } from './checkpoint-rows.js';
import type { LogIdentity } from './log-key.js';
import { checkpointText, type SignedCheckpoint } from './signed-checkpoint.js';

const latest = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/checkpoint',
  summary: 'The last signed checkpoint (c2sp.org/tlog-checkpoint), with a second signature over its time',
  access: mayReadLedger,
  problems: ['not_yet_covered'],
});

const key = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/key',
  summary: "The ledger's public key, as a vkey (c2sp.org/signed-note)",
  access: mayReadLedger,
});

const size = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const consistency = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/consistency',
  summary: 'Proves that one tree extends another (RFC 6962 2.1.2); both sizes within the last checkpoint',
  access: mayReadLedger,
  query: z.object({ from: size, to: size.optional() }),
  response: z.object({ from: z.int(), to: z.int(), hashes: z.array(z.base64()) }),
  problems: ['not_yet_covered'],
});

const tile = defineRoute({
  method: 'GET',
  path: '/api/v1/audit/tile/:level/*',
  summary: 'Hashes of the tree (c2sp.org/tlog-tiles); entry bundles hold entries of all tenants and are not served',
  access: mayReadLedger,
  params: z.object({ level: z.string().max(10), '*': z.string().max(100) }),
});

/** What a third party checks the ledger with: it tells sizes and hashes, and nothing of entries. */
@Controller()
export class CheckpointController {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(LOG_KEY) private readonly log: LogIdentity,
    @Inject(TILES) private readonly tiles: TileReader,
  ) {}

  @Route(latest)
  @Header('content-type', 'text/plain; charset=utf-8')
  async latest() {
    return checkpointText(await this.readLatest());
  }

  @Route(key)
  @Header('content-type', 'text/plain; charset=utf-8')
  key() {
    return `${this.log.vkey}\n`;
  }

  @Route(consistency)
  async consistency(@Input() { query }: InputOf<typeof consistency>) {
    const checkpoint = await this.readLatest();
    const { from, to = checkpoint.size } = query;
    if (from > to || to > checkpoint.size)
      throw new ProblemError('validation_failed', `Sizes go from 0 to ${checkpoint.size}, the smaller one first`);
    const hashes = await consistencyProof(from, to, this.tiles);
    return { from, to, hashes: hashes.map((hash) => Buffer.from(hash).toString('base64')) };
  }

  @Route(tile)
  @Header('content-type', 'application/octet-stream')
  @Header('cache-control', 'private, max-age=31536000, immutable')
  async tile(@Input() { params }: InputOf<typeof tile>) {
    const path = parseTilePath(`tile/${params.level}/${params['*']}`);
    if (path?.kind !== 'hashes') throw new ProblemError('not_found', 'There is no such tile');
    const { size: signed } = await this.readLatest();
    const row = Math.floor(signed / TILE_WIDTH ** path.level);
    if (path.index * TILE_WIDTH + path.width > row) throw new ProblemError('not_found', 'There is no such tile');
    const [hashes] = await this.tiles.readTiles([path]);
    return Buffer.from(hashes ?? []);
  }

  private async readLatest(): Promise<SignedCheckpoint> {
    const checkpoint = await readLatestCheckpoint(this.platform.database.system);
    if (checkpoint) return checkpoint;
    throw new ProblemError('not_yet_covered', undefined, { retryAfterSeconds: nextCheckpointSeconds });
  }
}
