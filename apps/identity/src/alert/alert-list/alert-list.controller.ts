import { alertKind, alertSubject } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import {
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
import { answering } from '../../problems.js';
import { commandHeaders, handleCommand } from '../../request-command.js';
import { acknowledgeAlert, alertDecider, alertStream } from '../alert.js';
import { alertKinds } from '../kinds.js';
import { type AlertRow, Alerts } from './alerts.service.js';

export const alertView = z.object({
  alertId: z.uuid(),
  kind: alertKind,
  title: z.string(),
  subject: alertSubject,
  status: z.enum(['open', 'resolved']),
  count: z.int(),
  threshold: z.int(),
  windowSeconds: z.int(),
  /** The network or country an alert about a place is of; gone with the person whose it was. */
  place: z.string().optional(),
  raisedAt: z.iso.datetime(),
  firstAt: z.iso.datetime(),
  lastAt: z.iso.datetime(),
  resolvedAt: z.iso.datetime().optional(),
  acknowledgedAt: z.iso.datetime().optional(),
  acknowledgedBy: z.string().optional(),
});

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/alerts',
  summary: "Lists the tenant's alerts, newest first, a page at a time",
  access: { kind: 'action', action: 'alert.read', resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}` },
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.uuid().optional(),
    status: z.enum(['open', 'resolved']).optional(),
    kind: alertKind.optional(),
    acknowledged: z.enum(['true', 'false']).optional(),
  }),
  response: z.object({ alerts: z.array(alertView), nextCursor: z.string().nullable() }),
});

const oneAlert = ({ input }: HttpRequest): string =>
  `alert/${(input?.params as { alertId?: string } | undefined)?.alertId ?? ''}`;

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/alerts/:alertId',
  summary: 'Shows one alert',
  access: { kind: 'action', action: 'alert.read', resource: oneAlert },
  params: z.object({ alertId: z.uuid() }),
  response: alertView,
  problems: ['not_found'],
});

const acknowledge = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/alerts/:alertId/acknowledge',
  summary: 'Says that somebody has seen an alert',
  access: { kind: 'action', action: 'alert.write', resource: oneAlert },
  params: z.object({ alertId: z.uuid() }),
  body: z.strictObject({}).nullish(),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: alertView,
  problems: ['not_found', 'stale_revision', 'idempotency_key_reused'],
});

@Controller()
export class AlertListController {
  constructor(
    @Inject(Alerts) private readonly alerts: Alerts,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
  ) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { cursor, limit, ...filter } = query;
    const rows = await this.alerts.list(tenantId, { ...filter, before: cursor, limit: limit + 1 });
    const page = rows.slice(0, limit);
    return { alerts: page.map(viewOf), nextCursor: rows.length > limit ? (page.at(-1)?.alert_id ?? null) : null };
  }

  @Route(read)
  read(@Input() { params }: InputOf<typeof read>, @Caller() { tenantId }: Principal) {
    return this.#one(tenantId, params.alertId);
  }

  @Route(acknowledge)
  async acknowledge(
    @Input() { params }: InputOf<typeof acknowledge>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await answering(() =>
      handleCommand(this.store, alertDecider, {
        request,
        caller,
        operation: 'alert.acknowledge',
        streamId: alertStream(params.alertId),
        decide: acknowledgeAlert,
      }),
    );
    return this.#one(caller.tenantId, params.alertId);
  }

  async #one(tenantId: string, alertId: string) {
    const row = await this.alerts.one(tenantId, alertId);
    if (!row) throw new ProblemError('not_found', 'There is no such alert');
    return viewOf(row);
  }
}

const viewOf = (row: AlertRow): z.output<typeof alertView> => ({
  alertId: row.alert_id,
  kind: row.kind,
  title: alertKinds[row.kind].title,
  subject: { type: row.subject_type, id: row.subject_id },
  status: row.status,
  count: Number(row.count),
  threshold: row.threshold,
  windowSeconds: row.window_seconds,
  ...(row.place !== null && { place: row.place }),
  raisedAt: row.raised_at.toISOString(),
  firstAt: row.first_at.toISOString(),
  lastAt: row.last_at.toISOString(),
  ...(row.resolved_at && { resolvedAt: row.resolved_at.toISOString() }),
  ...(row.acknowledged_at && { acknowledgedAt: row.acknowledged_at.toISOString() }),
  ...(row.acknowledged_by !== null && { acknowledgedBy: row.acknowledged_by }),
});
