import { type AlertKind, alertKind, alertRule, alertSettingsChanged, type Envelope } from '@gatehouse/contracts';
import { asTenant, type Decider, type NewEvent, PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { commandHeaders, handleCommand } from '../../request-command.js';
import { type AlertSettings, alertKinds, defaultSettings, ruleOf } from '../kinds.js';
import { alertSettingsStream, readSettings } from './alert-settings.projection.js';

const ofTenant = ({ principal }: HttpRequest): string => `tenant/${principal?.tenantId ?? ''}`;
const path = '/api/v1/identity/alerts/settings';

const view = z.object({
  rules: z.record(alertKind, alertRule.extend({ title: z.string() })),
  learningDays: z.int(),
  notifyResolved: z.boolean(),
});

const read = defineRoute({
  method: 'GET',
  path,
  summary: 'When the tenant is alerted of what',
  access: { kind: 'action', action: 'alert.read', resource: ofTenant },
  response: view,
});

const write = defineRoute({
  method: 'PUT',
  path,
  summary: 'Sets when the tenant is alerted of what; a kind that is left out has our defaults again',
  access: { kind: 'action', action: 'alert.write', resource: ofTenant },
  body: alertSettingsChanged.extend({
    rules: alertSettingsChanged.shape.rules.default({}),
    learningDays: alertSettingsChanged.shape.learningDays.default(defaultSettings.learningDays),
    notifyResolved: z.boolean().default(defaultSettings.notifyResolved),
  }),
  headers: commandHeaders,
  response: view,
  problems: ['stale_revision', 'idempotency_key_reused'],
});

const decider: Decider<AlertSettings> = {
  initialState: defaultSettings,
  evolve: (_state, { data }: Envelope) => data as unknown as AlertSettings,
};

const changed = (settings: AlertSettings): readonly NewEvent[] => [
  { type: 'alert_settings.changed', version: 1, data: settings },
];

@Controller()
export class AlertSettingsController {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
  ) {}

  @Route(read)
  async read(@Caller() { tenantId }: Principal) {
    return viewOf(await this.#read(tenantId));
  }

  @Route(write)
  async write(
    @Input() { body }: InputOf<typeof write>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { revision } = await answering(() =>
      handleCommand(this.store, decider, {
        request,
        caller,
        operation: 'alert_settings.change',
        streamId: alertSettingsStream(caller.tenantId),
        decide: () => changed(body),
      }),
    );
    void reply.header('etag', `"${revision}"`);
    return viewOf(await this.#read(caller.tenantId));
  }

  #read(tenantId: string): Promise<AlertSettings> {
    return asTenant(this.platform.database.request, tenantId, (client) => readSettings(client, tenantId));
  }
}

function viewOf(settings: AlertSettings): z.output<typeof view> {
  const rules = Object.entries(alertKinds).map(([kind, { title }]) => [
    kind,
    { title, ...ruleOf(settings, kind as AlertKind) },
  ]);
  const { learningDays, notifyResolved } = settings;
  return { rules: Object.fromEntries(rules), learningDays, notifyResolved };
}
