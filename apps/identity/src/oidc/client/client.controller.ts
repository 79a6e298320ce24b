import { type OauthClientRegistered, type OauthClientSettings } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import { type AppendResult, handle, PostgresEventStore } from '@gatehouse/event-store';
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
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { cursorAfter, readCursor } from '../../key/key-list/cursor.js';
import { answering } from '../../problems.js';
import { commandContext, commandHeaders, commandIdOf } from '../../request-command.js';
import { registerClient } from './change-client.js';
import { clientDecider, clientStream } from './client.js';
import { clientInput, clientView, viewOfClient } from './client-view.js';
import { Clients, newClientSecret, secretFingerprint } from './clients.service.js';

const tenantOf = ({ principal }: HttpRequest): string => `tenant/${principal?.tenantId ?? ''}`;

const register = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/clients',
  summary: 'Registers an OAuth client; its secret is in this answer and in no other',
  access: { kind: 'action', action: 'client.create', resource: tenantOf },
  body: clientInput,
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: clientView.extend({ clientSecret: z.string().optional() }),
  status: 201,
  bodyLimitBytes: 65_536,
  problems: [
    'client_name_taken',
    'client_already_registered',
    'client_redirect_uri_invalid',
    'client_redirect_uri_missing',
    'client_permission_invalid',
    'client_keys_missing',
    'client_setting_not_for_kind',
  ],
});

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/clients',
  summary: "Lists the tenant's OAuth clients, oldest first, a page at a time",
  access: { kind: 'action', action: 'client.read', resource: tenantOf },
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z
      .string()
      .max(128)
      .refine((text) => readCursor(text) !== undefined, 'is no cursor of ours')
      .transform(readCursor)
      .optional(),
  }),
  response: z.object({ clients: z.array(clientView), nextCursor: z.string().nullable() }),
});

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/clients/:clientId',
  summary: 'Shows one OAuth client',
  access: {
    kind: 'action',
    action: 'client.read',
    resource: ({ input }) => `client/${(input?.params as { clientId?: string } | undefined)?.clientId ?? ''}`,
  },
  params: z.object({ clientId: z.uuid() }),
  response: clientView,
  problems: ['not_found'],
});

const defaultAuth = { web: 'secret', service: 'secret', native: 'none', spa: 'none' } as const;

@Controller()
export class ClientController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Clients) private readonly clients: Clients,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(register)
  async register(
    @Input() { body }: InputOf<typeof register>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await this.checkGrants(caller, body.roles, request);
    const now = Date.now();
    const auth = body.auth ?? defaultAuth[body.kind];
    const secret = auth === 'secret' ? newClientSecret() : undefined;
    const command: OauthClientRegistered = {
      ...settingsOf(body),
      clientId: uuidv7(now),
      auth,
      ...(secret !== undefined && { fingerprint: secretFingerprint(this.platform.pepper, secret) }),
    };
    const commandId = commandIdOf(request, caller, 'client.create');
    const result = await answering(() =>
      handle(this.store, clientDecider, {
        streamId: clientStream(command.clientId),
        context: commandContext(request, caller, now),
        ...(commandId && { commandId }),
        decide: (state) => registerClient(command, state),
      }),
    );
    if (result.duplicate || result.state.status !== 'active') throw registeredBefore(result as AppendResult);
    return { ...viewOfClient(result.state, result.revision), ...(secret !== undefined && { clientSecret: secret }) };
  }

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const rows = await this.clients.list(tenantId, query.cursor, query.limit + 1);
    const page = rows.slice(0, query.limit);
    const last = rows.length > query.limit ? page.at(-1) : undefined;
    return {
      clients: page.map(({ client, revision }) => viewOfClient(client, revision)),
      nextCursor: last ? cursorAfter(last.client.clientId) : null,
    };
  }

  @Route(read)
  async read(
    @Input() { params }: InputOf<typeof read>,
    @Caller() { tenantId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const row = await this.clients.inTenant(tenantId, params.clientId);
    if (!row) throw new ProblemError('not_found', 'There is no such client');
    void reply.header('etag', `"${row.revision}"`);
    return viewOfClient(row.client, row.revision);
  }

  /** As with a service's key: nobody hands out what he may not grant. */
  private async checkGrants(caller: Principal, roles: readonly string[], request: HttpRequest): Promise<void> {
    for (const role of new Set(roles)) {
      const answer = await this.authorize(caller, 'role.grant', `role/${role}`, request);
      if (answer.allowed !== true) throw new ProblemError('forbidden', `The caller may not grant the role ${role}`);
    }
  }
}

/** `jwks` only when there is one: an event holds no undefined. */
export const settingsOf = <T extends { readonly jwks?: OauthClientSettings['jwks'] | undefined }>({
  jwks,
  ...rest
}: T) => ({
  ...rest,
  ...(jwks !== undefined && { jwks }),
});

function registeredBefore({ events }: AppendResult): ProblemError {
  const { clientId } = (events[0]?.data ?? {}) as { clientId?: string };
  const location = `/api/v1/identity/clients/${clientId}`;
  return new ProblemError('client_already_registered', undefined, { headers: { location } });
}
