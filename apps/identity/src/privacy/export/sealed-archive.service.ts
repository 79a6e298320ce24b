import type { KeyObject } from 'node:crypto';
import { openChunk, sealChunk } from '@gatehouse/crypto';
import { sqlState } from '@gatehouse/event-store';
import type pg from 'pg';
import { chunkContext, type Export } from './export.js';

const chunkBytes = 256 * 1024;

/** Another replica has taken the job over, or the person was erased: nothing of this attempt counts. */
export class ExportLost extends Error {
  constructor() {
    super('the export is not this attempt’s any more');
    this.name = 'ExportLost';
  }
}

export class ArchiveTooLarge extends Error {
  constructor(readonly maxBytes: number) {
    super(`the archive would have more than ${maxBytes} bytes`);
    this.name = 'ArchiveTooLarge';
  }
}

export interface SealedArchiveOptions {
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly key: KeyObject;
  readonly job: Export;
  readonly maxBytes: number;
}

/** Takes an archive as it is made, and stores it sealed in pieces; never holds more than one piece. */
export class SealedArchive {
  readonly #options: SealedArchiveOptions;
  #waiting = Buffer.alloc(0);
  #bytes = 0;
  #chunks = 0;

  constructor(options: SealedArchiveOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws ExportLost, ArchiveTooLarge */
  async append(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#options.maxBytes) throw new ArchiveTooLarge(this.#options.maxBytes);
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    // One byte is always held back: which piece is the last is known at the end only.
    while (this.#waiting.length > chunkBytes) {
      await this.#store(this.#waiting.subarray(0, chunkBytes), false);
      this.#waiting = this.#waiting.subarray(chunkBytes);
    }
  }

  /** Answers how many pieces there are. */
  async close(): Promise<number> {
    await this.#store(this.#waiting, true);
    return this.#chunks;
  }

  async #store(bytes: Uint8Array, isLast: boolean): Promise<void> {
    const { pool, key, job } = this.#options;
    const n = this.#chunks++;
    const sealed = sealChunk(key, { context: chunkContext(job.exportId), n, isLast }, bytes);
    const { rowCount } = await pool
      .query(
        `insert into export_chunks (export_id, attempt, n, sealed) select $1, $2, $3, $4
         where exists (select from exports where export_id = $1 and attempt = $2 and status = 'running')`,
        [job.exportId, job.attempt, n, sealed],
      )
      .catch((error: unknown) => {
        // Its row was deleted in this very moment.
        if (sqlState(error) === '23503') throw new ExportLost();
        throw error;
      });
    if (rowCount !== 1) throw new ExportLost();
  }
}

/**
 * The bytes of a finished archive, piece by piece.
 *
 * @throws ExportLost when it expired or the person was erased in between; CryptoError for a piece that was changed
 */
export async function* readArchive(
  pool: pg.Pool,
  key: KeyObject,
  { exportId, attempt, chunks = 0 }: Export,
): AsyncGenerator<Buffer> {
  for (let n = 0; n < chunks; n++) {
    const { rows } = await pool.query<{ sealed: Buffer }>(
      'select sealed from export_chunks where export_id = $1 and attempt = $2 and n = $3',
      [exportId, attempt, n],
    );
    if (!rows[0]) throw new ExportLost();
    yield openChunk(key, { context: chunkContext(exportId), n, isLast: n === chunks - 1 }, rows[0].sealed);
  }
}
