import { randomBytes } from 'node:crypto';
import type { ExportRequested } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
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
} from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandContext, commandHeaders, commandIdOf } from '../../request-command.js';
import { SubjectKeys } from '../../user/subject-keys.service.js';
import { PersonAccess } from '../person-access.service.js';
import { EXPORT_LIFETIME, type ExportLifetime } from '../tokens.js';
import { archiveKeyField, type Export, exportStream } from './export.js';
import { ExportRows } from './export-rows.service.js';
import { exportView, isAskedBy, viewOfExport } from './export-view.js';

const requestExport = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/privacy/exports',
  summary: 'Begins to gather everything that is held on the caller, or on another person for an administrator',
  access: { kind: 'authenticated' },
  body: z.strictObject({ userId: z.uuid().optional() }).nullish(),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: exportView,
  status: 202,
  problems: ['recent_sign_in_required', 'export_running', 'export_limit', 'idempotency_key_reused', 'not_found'],
});

const dayMs = 86_400_000;
const exportsADay = 5;

@Controller()
export class RequestExportController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(SubjectKeys) private readonly subjectKeys: SubjectKeys,
    @Inject(PersonAccess) private readonly access: PersonAccess,
    @Inject(ExportRows) private readonly rows: ExportRows,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(EXPORT_LIFETIME) private readonly lifetime: ExportLifetime,
  ) {}

  @Route(requestExport)
  async request(
    @Input() { body }: InputOf<typeof requestExport>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const now = Date.now();
    const userId = body?.userId ?? selfOf(caller);
    const { authorize } = this;
    const { person, decisionId } = await this.access.check(userId, 'person.export', { caller, request, authorize });
    if (person.status === 'erased') throw new ProblemError('not_found', 'Nothing is held on this person any more');
    const commandId = commandIdOf(request, caller, 'person.export');
    const before = commandId && (await this.store.readCommand(person.homeTenantId, commandId));
    if (before) return this.repeated(before.events[0]?.data as ExportRequested | undefined, userId, caller);
    if ((await this.rows.countSince(userId, new Date(now - dayMs))) >= exportsADay)
      throw new ProblemError('export_limit', undefined, { retryAfterSeconds: 3_600 });
    const context = { ...commandContext(request, caller, now), tenantId: person.homeTenantId };
    const job = this.jobFor(person, caller, now, context.correlationId);
    const seal = await this.subjectKeys.sealerFor(person.homeTenantId, userId);
    const sealedKey = seal(archiveKeyField, randomBytes(32).toString('base64'));
    const data: ExportRequested = { exportId: job.exportId, userId };
    // COMMIT POINT: the job and its first event. The worker finds it from then on.
    await this.store.together(person.homeTenantId, async (log, client) => {
      await log.append(exportStream(job.exportId), [{ type: 'export.requested', version: 1, data }], {
        expectedRevision: 0,
        context: { ...context, ...(decisionId !== undefined && { causationId: decisionId }) },
        ...(commandId !== undefined && { commandId }),
      });
      await this.rows.insert(client, { job, sealedKey });
    });
    return viewOfExport(job, now);
  }

  private jobFor(
    person: { userId: string; homeTenantId: string },
    caller: Principal,
    now: number,
    trace: string,
  ): Export {
    const { userId, homeTenantId } = person;
    return {
      exportId: uuidv7(now),
      userId,
      homeTenantId,
      askedBy: { type: caller.type, id: caller.id, tenantId: caller.tenantId },
      correlationId: trace,
      status: 'queued',
      progress: { done: 0, total: 0, phase: 'queued', records: 0 },
      attempt: 0,
      requestedAt: new Date(now),
      expiresAt: new Date(now + this.lifetime.ms),
    };
  }

  /** The same request again answers how its export stands now. */
  private async repeated(first: ExportRequested | undefined, userId: string, caller: Principal) {
    const job = first?.userId === userId ? await this.rows.byId(first.exportId) : undefined;
    if (!job || !isAskedBy(job, caller)) throw new ProblemError('idempotency_key_reused');
    return viewOfExport(job, Date.now());
  }
}

/** Without a name it is about the caller, who must be a person then. */
export function selfOf({ type, id }: Principal): string {
  if (type === 'user') return id;
  throw new ProblemError('validation_failed', undefined, {
    errors: [{ path: 'body.userId', message: 'names the person, since the caller is none' }],
  });
}
