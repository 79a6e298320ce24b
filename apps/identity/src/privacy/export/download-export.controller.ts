import { createSecretKey, type KeyObject } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ExportDownloaded } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import {
  AUTHORIZE,
  type Authorize,
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
  unavailable,
} from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { commandContext } from '../../request-command.js';
import { SubjectKeys } from '../../user/subject-keys.service.js';
import { PersonAccess } from '../person-access.service.js';
import { archiveKeyField, type Export, exportStream } from './export.js';
import { ExportRows } from './export-rows.service.js';
import { isAskedBy, isExpired } from './export-view.js';
import { readArchive } from './sealed-archive.service.js';

const download = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/privacy/exports/:exportId/archive',
  summary: 'The archive, a zip file, for whoever asked for it',
  access: { kind: 'authenticated' },
  params: z.object({ exportId: z.uuid() }),
  // A stream has no end by the clock; `maxDownloads` bounds how many there are.
  timeoutMs: 0,
  problems: ['not_found', 'recent_sign_in_required', 'export_not_ready', 'export_gone'],
});

const maxDownloads = 8;

@Controller()
export class DownloadExportController {
  private running = 0;

  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(SubjectKeys) private readonly subjectKeys: SubjectKeys,
    @Inject(PersonAccess) private readonly access: PersonAccess,
    @Inject(ExportRows) private readonly rows: ExportRows,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(download)
  async download(
    @Input() { params }: InputOf<typeof download>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res() reply: FastifyReply,
  ) {
    const job = await this.rows.byId(params.exportId);
    if (!job || !isAskedBy(job, caller)) throw new ProblemError('not_found', 'There is no such export');
    // Asked again: an export outlives the sign-in, or the role, that it was requested with.
    const { authorize } = this;
    const { decisionId } = await this.access.check(job.userId, 'person.export', { caller, request, authorize });
    if (isExpired(job, Date.now())) throw new ProblemError('export_gone');
    if (job.status !== 'ready') throw new ProblemError('export_not_ready');
    const key = await this.keyOf(job);
    if (this.running >= maxDownloads) throw unavailable('Too many archives are being read', 5);
    await this.recordDownload(job, request, caller, decisionId);
    void reply
      .header('content-type', 'application/zip')
      .header('content-length', job.bytes ?? 0)
      .header('content-disposition', `attachment; filename="gatehouse-export-${job.exportId}.zip"`)
      .header('cache-control', 'no-store')
      .send(this.stream(job, key));
  }

  private async keyOf({ exportId, homeTenantId }: Export): Promise<KeyObject> {
    const sealed = await this.rows.sealedKeyOf(exportId);
    const { system } = this.platform.database;
    const text = sealed && (await this.subjectKeys.open(system, homeTenantId, archiveKeyField, sealed));
    if (text === undefined) throw new ProblemError('export_gone');
    return createSecretKey(Buffer.from(text, 'base64'));
  }

  private async recordDownload(job: Export, request: HttpRequest, caller: Principal, decisionId?: string) {
    const { exportId, userId, homeTenantId: tenantId } = job;
    const data: ExportDownloaded = { exportId, userId };
    const context = { ...commandContext(request, caller, Date.now()), tenantId };
    // Before the first byte: what was not recorded is not read.
    await this.store.together(tenantId, async (log) => {
      const { revision } = await log.read(tenantId, exportStream(exportId));
      await log.append(exportStream(exportId), [{ type: 'export.downloaded', version: 1, data }], {
        expectedRevision: revision,
        context: { ...context, ...(decisionId !== undefined && { causationId: decisionId }) },
      });
    });
  }

  private stream(job: Export, key: KeyObject): Readable {
    this.running++;
    const stream = Readable.from(readArchive(this.platform.database.system, key, job), { objectMode: false });
    return stream.once('close', () => this.running--).on('error', this.platform.warn('an archive could not be read'));
  }
}
