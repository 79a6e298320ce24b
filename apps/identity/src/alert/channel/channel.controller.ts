import { uuidv7 } from '@gatehouse/crypto';
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
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { People } from '../../person/people.service.js';
import { answering } from '../../problems.js';
import { commandContext } from '../../request-command.js';
import { Memberships } from '../../tenancy/memberships.service.js';
import { type WebhookTargets, webhookUrlProblem } from '../delivery/public-address.js';
import { type ChannelRow, Channels, type NewChannel } from './channels.service.js';

/** Where webhooks may lead, from the settings. */
export abstract class ChannelOptions {
  abstract readonly targets: WebhookTargets;
}

const path = '/api/v1/identity/alerts/channels';
const ofTenant = ({ principal }: HttpRequest): string => `tenant/${principal?.tenantId ?? ''}`;
const readAccess = { kind: 'action', action: 'alert.read', resource: ofTenant } as const;
const writeAccess = { kind: 'action', action: 'alert.write', resource: ofTenant } as const;
const params = z.object({ channelId: z.uuid() });

const name = recordedText(100);

const channelView = z.object({
  channelId: z.uuid(),
  type: z.enum(['webhook', 'email']),
  name: z.string(),
  /** Of a webhook; its whole address may hold a secret and is not shown again. */
  host: z.string().optional(),
  userId: z.uuid().optional(),
  createdAt: z.iso.datetime(),
});

const create = defineRoute({
  method: 'POST',
  path,
  summary: 'Has alerts sent to a webhook, whose secret this answer shows once, or to a member by e-mail',
  access: writeAccess,
  body: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('webhook'), name, url: z.string().max(2_048) }),
    z.strictObject({ type: z.literal('email'), name, email: z.email().max(254) }),
  ]),
  response: channelView.extend({ secret: z.string().optional() }),
  status: 201,
  problems: ['channel_name_taken', 'too_many_channels', 'recipient_not_member'],
});

const list = defineRoute({
  method: 'GET',
  path,
  summary: 'Lists where alerts are sent; a tenant has twenty channels at most',
  access: readAccess,
  response: z.object({ channels: z.array(channelView) }),
});

const remove = defineRoute({
  method: 'DELETE',
  path: `${path}/:channelId`,
  summary: 'Sends no more alerts to a channel',
  access: writeAccess,
  params,
  response: z.object({ channelId: z.uuid() }),
  problems: ['not_found'],
});

const rotate = defineRoute({
  method: 'POST',
  path: `${path}/:channelId/rotate-secret`,
  summary: 'Makes a new secret for a webhook; the earlier one signs along for a day',
  access: writeAccess,
  params,
  body: z.strictObject({}).nullish(),
  response: z.object({ channelId: z.uuid(), secret: z.string() }),
  problems: ['not_found', 'channel_without_secret'],
});

const test = defineRoute({
  method: 'POST',
  path: `${path}/:channelId/test`,
  summary: 'Sends a test message; what becomes of it stands among the deliveries',
  access: writeAccess,
  params,
  body: z.strictObject({}).nullish(),
  status: 202,
  response: z.object({ deliveryId: z.uuid() }),
  problems: ['not_found'],
});

@Controller()
export class ChannelController {
  constructor(
    @Inject(Channels) private readonly channels: Channels,
    @Inject(People) private readonly people: People,
    @Inject(Memberships) private readonly memberships: Memberships,
    @Inject(ChannelOptions) private readonly options: ChannelOptions,
  ) {}

  @Route(create)
  async create(@Input() { body }: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    const channelId = uuidv7(now);
    const channel = await this.#channelOf(body, caller.tenantId);
    const context = commandContext(request, caller, now);
    const { secret } = await answering(() => this.channels.create(channelId, channel, context));
    const row = (await this.channels.list(caller.tenantId)).find(({ channel_id }) => channel_id === channelId);
    if (!row) throw new ProblemError('not_found');
    return { ...viewOf(row), ...(secret !== undefined && { secret }) };
  }

  @Route(list)
  async list(@Caller() { tenantId }: Principal) {
    return { channels: (await this.channels.list(tenantId)).map(viewOf) };
  }

  @Route(remove)
  async remove(
    @Input() { params: p }: InputOf<typeof remove>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await answering(() => this.channels.remove(p.channelId, commandContext(request, caller, Date.now())));
    return { channelId: p.channelId };
  }

  @Route(rotate)
  async rotate(
    @Input() { params: p }: InputOf<typeof rotate>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const context = commandContext(request, caller, Date.now());
    const secret = await answering(() => this.channels.rotateSecret(p.channelId, context));
    return { channelId: p.channelId, secret };
  }

  @Route(test)
  async test(@Input() { params: p }: InputOf<typeof test>, @Caller() { tenantId }: Principal) {
    return { deliveryId: await answering(() => this.channels.test(tenantId, p.channelId, Date.now())) };
  }

  async #channelOf(body: InputOf<typeof create>['body'], tenantId: string): Promise<NewChannel> {
    if (body.type === 'webhook') {
      const problem = webhookUrlProblem(body.url, this.options.targets);
      const errors = problem === undefined ? undefined : [{ path: 'body.url', message: problem }];
      if (errors) throw new ProblemError('validation_failed', undefined, { errors });
      return { kind: 'webhook', name: body.name, url: body.url };
    }
    // Nobody can have us write to strangers.
    const person = await this.people.byEmail(body.email);
    const isMember =
      person?.status === 'active' && (await this.memberships.roleOf(tenantId, person.userId)) !== undefined;
    if (!person || !isMember) throw new ProblemError('recipient_not_member');
    return { kind: 'email', name: body.name, userId: person.userId };
  }
}

const viewOf = (row: ChannelRow): z.output<typeof channelView> => ({
  channelId: row.channel_id,
  type: row.kind,
  name: row.name,
  ...(row.host !== null && { host: row.host }),
  ...(row.user_id !== null && { userId: row.user_id }),
  createdAt: row.created_at.toISOString(),
});
