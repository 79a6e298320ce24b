import { createSecretKey, type KeyObject } from 'node:crypto';
import type { ExportCompleted, ExportFailed } from '@gatehouse/contracts';
import type { CommandContext, EventStore, PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { Archive } from './archive.js';
import { archiveKeyField, type Export, exportStream, maxAttempts, retryAfterMs } from './export.js';
import type { ExportRows, Made } from './export-rows.service.js';
import { makeArchive } from './make-archive.service.js';
import { ArchiveTooLarge, ExportLost, SealedArchive } from './sealed-archive.service.js';
import type { Section } from './sections.service.js';

export interface ExportWorkerOptions {
  readonly store: PostgresEventStore;
  readonly rows: ExportRows;
  readonly subjectKeys: SubjectKeys;
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly maxBytes: number;
  readonly sections: () => readonly Section[];
  readonly onError: (error: Error) => void;
}

const reportEveryMs = 250;

/** Makes archives, one at a time. Killed anywhere, the next replica begins the same archive anew. */
export class ExportWorker {
  readonly #options: ExportWorkerOptions;

  constructor(options: ExportWorkerOptions) {
    this.#options = options;
  }

  /** One export, if one is due. */
  readonly doNext = async (signal: AbortSignal): Promise<boolean> => {
    const { rows, onError } = this.#options;
    const job = await rows.take(new Date());
    if (!job) return false;
    if (job.attempt > maxAttempts) await this.#fail(job, 'too_many_attempts');
    else
      await this.#make(job, signal).catch(async (error: Error) => {
        if (error instanceof ExportLost) return;
        if (error instanceof ArchiveTooLarge) return this.#fail(job, 'too_large');
        onError(error);
        await rows.postpone(job, 'waiting', new Date(Date.now() + retryAfterMs(job.attempt)));
      });
    return true;
  };

  async #make(job: Export, signal: AbortSignal): Promise<void> {
    const { pool, maxBytes, sections } = this.#options;
    const key = await this.#keyOf(job);
    if (!key) return this.#fail(job, 'erased');
    const sealed = new SealedArchive({ pool, key, job, maxBytes });
    const archive = new Archive(job.requestedAt.getTime());
    const report = this.#reporter(job, signal);
    const records = await makeArchive({ job, sections: sections(), archive, sealed, report, now: Date.now });
    const chunks = await sealed.close();
    const data = { exportId: job.exportId, userId: job.userId, files: archive.files.length, records };
    const completed: ExportCompleted = { ...data, bytes: sealed.bytes };
    const { files, bytes } = completed;
    const made: Made = { status: 'ready', files, bytes, chunks, now: new Date() };
    await this.#finish(job, made, { type: 'export.completed', data: completed });
  }

  async #keyOf({ exportId, homeTenantId }: Export): Promise<KeyObject | undefined> {
    const { rows, subjectKeys, pool } = this.#options;
    const sealed = await rows.sealedKeyOf(exportId);
    if (!sealed) throw new ExportLost();
    const text = await subjectKeys.open(pool, homeTenantId, archiveKeyField, sealed);
    return text === undefined ? undefined : createSecretKey(Buffer.from(text, 'base64'));
  }

  #reporter(job: Export, signal: AbortSignal): Parameters<typeof makeArchive>[0]['report'] {
    let [nextAt, phase] = [0, ''];
    return async (progress) => {
      if (signal.aborted) throw new ExportLost();
      if (performance.now() < nextAt && progress.phase === phase) return;
      phase = progress.phase;
      nextAt = performance.now() + reportEveryMs;
      if (!(await this.#options.rows.report(job, progress))) throw new ExportLost();
    };
  }

  #fail(job: Export, reason: ExportFailed['reason']): Promise<void> {
    const data: ExportFailed = { exportId: job.exportId, userId: job.userId, reason };
    const made: Made = { status: 'failed', problem: reason, now: new Date() };
    return this.#finish(job, made, { type: 'export.failed', data });
  }

  /** COMMIT POINT: the row says that the archive is there, and the event with it. Killed before, it is made again. */
  async #finish(job: Export, made: Made, event: { type: string; data: object }): Promise<void> {
    const { store, rows } = this.#options;
    await store.together(job.homeTenantId, async (log, client) => {
      if (await rows.finish(client, job, made)) await appendTo(log, job, { ...event, version: 1 });
    });
  }
}

/** What a job does, it does for whoever asked for it. */
export const jobContext = (job: Pick<Export, 'homeTenantId' | 'askedBy' | 'correlationId'>): CommandContext => ({
  tenantId: job.homeTenantId,
  actor: { type: job.askedBy.type, id: job.askedBy.id },
  now: Date.now(),
  correlationId: job.correlationId,
});

async function appendTo(log: EventStore, job: Export, event: { type: string; version: number; data: object }) {
  const streamId = exportStream(job.exportId);
  const { revision } = await log.read(job.homeTenantId, streamId);
  await log.append(streamId, [event], { expectedRevision: revision, context: jobContext(job) });
}
