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
import { isAskedBy } from '../export/export-view.js';
import { LedgerPlaces } from '../ledger-places.service.js';
import type { Erasure } from './erasure.js';
import { ErasureRows } from './erasure-rows.service.js';
import { erasureView, viewOfErasure } from './erasure-view.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/privacy/erasures',
  summary: 'Lists all erasures, newest first, for an administrator of the installation',
  access: { kind: 'action', action: 'person.erase', resource: 'tenant/erasures' },
  query: z.object({ limit: z.coerce.number().int().min(1).max(100).default(20), cursor: z.uuid().optional() }),
  response: z.object({ erasures: z.array(erasureView), nextCursor: z.string().nullable() }),
  problems: ['not_found'],
});

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/privacy/erasures/:erasureId',
  summary: 'Shows how far an erasure is, and its certificate once it is done',
  access: { kind: 'authenticated' },
  params: z.object({ erasureId: z.uuid() }),
  response: erasureView,
  problems: ['not_found'],
});

@Controller()
export class ReadErasuresController {
  constructor(
    @Inject(ErasureRows) private readonly rows: ErasureRows,
    @Inject(LedgerPlaces) private readonly places: LedgerPlaces,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    if (tenantId !== this.platform.settings.OPERATOR_TENANT) throw new ProblemError('not_found');
    const { limit, cursor } = query;
    const found = await this.rows.page(cursor, limit + 1);
    const page = found.slice(0, limit);
    const nextCursor = found.length > limit ? (page.at(-1)?.erasureId ?? null) : null;
    return { erasures: page.map((job) => viewOfErasure(job)), nextCursor };
  }

  @Route(read)
  async read(@Input() { params }: InputOf<typeof read>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const job = await this.rows.byId(params.erasureId);
    if (!job || !(await this.maySee(job, caller, request)))
      throw new ProblemError('not_found', 'There is no such erasure');
    return viewOfErasure(job, job.eventId === undefined ? undefined : await this.places.ofErasure(job, job.eventId));
  }

  /** Whoever asked, the person, and whoever may erase people. */
  private async maySee(job: Erasure, caller: Principal, request: HttpRequest): Promise<boolean> {
    if (isAskedBy(job, caller) || (caller.type === 'user' && caller.id === job.userId)) return true;
    if (caller.tenantId !== this.platform.settings.OPERATOR_TENANT) return false;
    return (await this.authorize(caller, 'person.erase', `user/${job.userId}`, request)).allowed === true;
  }
}
