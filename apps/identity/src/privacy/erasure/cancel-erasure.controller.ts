import type { ErasureCancelled } from '@gatehouse/contracts';
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
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandContext } from '../../request-command.js';
import { isAskedBy } from '../export/export-view.js';
import { appendToStream } from './end-of-person.service.js';
import { type Erasure, erasureStream } from './erasure.js';
import { ErasureRows } from './erasure-rows.service.js';
import { erasureView, viewOfErasure } from './erasure-view.js';

const cancel = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/privacy/erasures/:erasureId/cancel',
  summary: 'Takes an erasure back that has not begun: for whoever asked, the person, and administrators',
  access: { kind: 'authenticated' },
  params: z.object({ erasureId: z.uuid() }),
  response: erasureView,
  problems: ['not_found', 'erasure_started'],
});

@Controller()
export class CancelErasureController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(ErasureRows) private readonly rows: ErasureRows,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(cancel)
  async cancel(@Input() { params }: InputOf<typeof cancel>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const job = await this.rows.byId(params.erasureId);
    if (!job) throw new ProblemError('not_found', 'There is no such erasure');
    const decisionId = await this.permit(job, caller, request);
    if (job.status !== 'cancelled') await this.end(job, caller, request, decisionId);
    return viewOfErasure((await this.rows.byId(job.erasureId)) ?? job);
  }

  /** Stopping an erasure takes less than beginning one: nothing is lost by it. */
  private async permit(job: Erasure, caller: Principal, request: HttpRequest): Promise<string | undefined> {
    if (isAskedBy(job, caller) || (caller.type === 'user' && caller.id === job.userId)) return undefined;
    const isOperator = caller.tenantId === this.platform.settings.OPERATOR_TENANT;
    const answer = isOperator ? await this.authorize(caller, 'person.erase', `user/${job.userId}`, request) : undefined;
    if (answer?.allowed !== true) throw new ProblemError('not_found', 'There is no such erasure');
    return answer.decisionId;
  }

  private async end(job: Erasure, caller: Principal, request: HttpRequest, decisionId: string | undefined) {
    const { erasureId, userId, homeTenantId: tenantId } = job;
    const data: ErasureCancelled = { erasureId, userId };
    const context = { ...commandContext(request, caller, Date.now()), tenantId };
    await this.store.together(tenantId, async (log, client) => {
      const end = { from: 'waiting', to: 'cancelled', now: new Date() } as const;
      // The row decides between this and a replica that begins in the same moment.
      if (!(await this.rows.end(client, job, end))) throw new ProblemError('erasure_started');
      await appendToStream(
        log,
        erasureStream(erasureId),
        { type: 'erasure.cancelled', data },
        {
          ...context,
          ...(decisionId !== undefined && { causationId: decisionId }),
        },
      );
    });
  }
}
