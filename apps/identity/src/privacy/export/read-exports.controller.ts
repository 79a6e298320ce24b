import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import type { Export } from './export.js';
import { ExportRows } from './export-rows.service.js';
import { exportView, isAskedBy, viewOfExport } from './export-view.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/privacy/exports',
  summary: 'Lists the exports of the calling person, whoever asked for them, newest first',
  access: { kind: 'authenticated' },
  query: z.object({ limit: z.coerce.number().int().min(1).max(100).default(20), cursor: z.uuid().optional() }),
  response: z.object({ exports: z.array(exportView), nextCursor: z.string().nullable() }),
});

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/privacy/exports/:exportId',
  summary: 'Shows how far an export is, to whoever asked for it and to its person',
  access: { kind: 'authenticated' },
  params: z.object({ exportId: z.uuid() }),
  response: exportView,
  problems: ['not_found'],
});

@Controller()
export class ReadExportsController {
  constructor(@Inject(ExportRows) private readonly rows: ExportRows) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { type, id }: Principal) {
    const { limit, cursor } = query;
    const found = type === 'user' ? await this.rows.ofPerson(id, cursor, limit + 1) : [];
    const page = found.slice(0, limit);
    const nextCursor = found.length > limit ? (page.at(-1)?.exportId ?? null) : null;
    return { exports: page.map((job) => viewOfExport(job, Date.now())), nextCursor };
  }

  @Route(read)
  async read(@Input() { params }: InputOf<typeof read>, @Caller() caller: Principal) {
    const job = await this.rows.byId(params.exportId);
    if (!job || !maySee(job, caller)) throw new ProblemError('not_found', 'There is no such export');
    return viewOfExport(job, Date.now());
  }
}

/** The person may always know that somebody exported her. */
const maySee = (job: Export, caller: Principal): boolean =>
  isAskedBy(job, caller) || (caller.type === 'user' && caller.id === job.userId);
