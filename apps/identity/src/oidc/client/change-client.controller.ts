import { type HandleOptions, handle, PostgresEventStore } from '@gatehouse/event-store';
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
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { commandContext, commandHeaders, expectedRevisionOf, handleCommand } from '../../request-command.js';
import { Grants, grantRevoked, grantStream } from '../grant/grants.service.js';
import { removeClient, rotateSecret, updateClient } from './change-client.js';
import { settingsOf } from './client.controller.js';
import { type Client, clientDecider, clientStream } from './client.js';
import { clientSettingsInput, clientView, viewOfClient } from './client-view.js';
import { newClientSecret, secretFingerprint } from './clients.service.js';

const params = z.object({ clientId: z.uuid() });
const access = (action: string) => ({
  kind: 'action' as const,
  action,
  resource: ({ input }: HttpRequest) =>
    `client/${(input?.params as { clientId?: string } | undefined)?.clientId ?? ''}`,
});

const update = defineRoute({
  method: 'PUT',
  path: '/api/v1/identity/clients/:clientId',
  summary: "Replaces a client's settings",
  access: access('client.write'),
  params,
  body: clientSettingsInput,
  headers: commandHeaders,
  response: clientView,
  bodyLimitBytes: 65_536,
  problems: ['not_found', 'stale_revision', 'idempotency_key_reused', 'client_redirect_uri_invalid'],
});

const rotate = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/clients/:clientId/rotate-secret',
  summary: 'Gives a client another secret, shown in this answer only',
  access: access('client.write'),
  params,
  /** Seconds for which the earlier secret goes on working. */
  body: z.strictObject({ overlapSeconds: z.int().min(0).max(604_800).default(0) }).nullish(),
  headers: commandHeaders,
  response: clientView.extend({ clientSecret: z.string() }),
  problems: ['not_found', 'stale_revision', 'client_without_secret', 'client_secret_already_rotated'],
});

const remove = defineRoute({
  method: 'DELETE',
  path: '/api/v1/identity/clients/:clientId',
  summary: 'Removes a client and ends every token that was issued to it',
  access: access('client.remove'),
  params,
  headers: commandHeaders,
  response: z.object({ clientId: z.uuid(), removed: z.literal(true) }),
  problems: ['not_found', 'stale_revision'],
});

interface Change {
  readonly request: HttpRequest;
  readonly caller: Principal;
  readonly clientId: string;
  readonly operation: string;
  readonly decide: HandleOptions<Client>['decide'];
}

@Controller()
export class ChangeClientController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Grants) private readonly grants: Grants,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(update)
  async update(@Input() input: InputOf<typeof update>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { clientId } = input.params;
    const decide = (state: Client) => updateClient(settingsOf(input.body), state);
    const { state, revision } = await this.change({ request, caller, clientId, operation: 'client.write', decide });
    return shown(state, revision);
  }

  @Route(rotate)
  async rotate(@Input() input: InputOf<typeof rotate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const clientSecret = newClientSecret();
    const command = {
      fingerprint: secretFingerprint(this.platform.pepper, clientSecret),
      overlapSeconds: input.body?.overlapSeconds ?? 0,
      now: Date.now(),
    };
    const { clientId } = input.params;
    const decide = (state: Client) => rotateSecret(command, state);
    const result = await this.change({ request, caller, clientId, operation: 'client.rotate', decide });
    if (result.duplicate) throw new ProblemError('client_secret_already_rotated');
    return { ...shown(result.state, result.revision), clientSecret };
  }

  @Route(remove)
  async remove(
    @Input() { params: { clientId } }: InputOf<typeof remove>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const context = commandContext(request, caller, Date.now());
    const expectedRevision = expectedRevisionOf(request);
    // COMMIT POINT: the client, and the tokens it has for itself. Those of people end right afterwards, in batches; killed
    // in between, the consumer of `oauth_client.removed` ends them.
    await answering(() =>
      this.store.together(caller.tenantId, async (log) => {
        const { events } = await handle(log, clientDecider, {
          streamId: clientStream(clientId),
          context,
          ...(expectedRevision !== undefined && { expectedRevision }),
          decide: removeClient,
        });
        if (events.length === 0) return;
        const own = grantRevoked({ grantId: clientId, clientId, reason: 'client_removed' });
        await log.append(grantStream(clientId), [own], { expectedRevision: 0, context });
      }),
    );
    while ((await this.grants.revokeAll({ clientId }, 'client_removed')) > 0);
    return { clientId, removed: true };
  }

  private change({ request, caller, clientId, operation, decide }: Change) {
    const streamId = clientStream(clientId);
    return answering(() => handleCommand(this.store, clientDecider, { request, caller, operation, streamId, decide }));
  }
}

function shown(state: Client, revision: number) {
  if (state.status !== 'active') throw new ProblemError('not_found', 'There is no such client');
  return viewOfClient(state, revision);
}
