import { uuidv7 } from '@gatehouse/crypto';
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
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { commandContext, commandHeaders, commandIdOf, expectedRevisionOf } from '../../request-command.js';
import { FEDERATION, type Federation } from '../federation.js';
import { changedProvider, newProvider } from './provider-body.js';
import { providerView, viewOfProvider } from './provider-view.js';
import { checkRoles } from './provider-writer.service.js';

const path = '/api/v1/identity/identity-providers';
const params = z.object({ idpId: z.uuid() });
const ofTenant = ({ principal }: HttpRequest) => `tenant/${principal?.tenantId ?? ''}`;
const ofProvider = ({ input }: HttpRequest) => `idp/${(input?.params as { idpId?: string } | undefined)?.idpId ?? ''}`;
const problems = [
  'idp_discovery_failed',
  'idp_issuer_refused',
  'idp_role_refused',
  'idp_name_taken',
  'idp_audience_refused',
];

const create = defineRoute({
  method: 'POST',
  path,
  summary: 'Lets people of another OpenID provider sign in to the tenant',
  access: { kind: 'action', action: 'idp.write', resource: ofTenant },
  body: newProvider,
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: providerView,
  status: 201,
  bodyLimitBytes: 131_072,
  problems: [...problems, 'idp_already_configured', 'idp_too_many', 'idp_needs_organization', 'idempotency_key_reused'],
});

const list = defineRoute({
  method: 'GET',
  path,
  summary: "Lists the tenant's identity providers, oldest first; there are 50 at most",
  access: { kind: 'action', action: 'idp.read', resource: ofTenant },
  query: z.object({ limit: z.coerce.number().int().min(1).max(50).default(50), cursor: z.uuid().optional() }),
  response: z.object({ identityProviders: z.array(providerView), nextCursor: z.string().nullable() }),
});

const read = defineRoute({
  method: 'GET',
  path: `${path}/:idpId`,
  summary: 'Shows one identity provider',
  access: { kind: 'action', action: 'idp.read', resource: ofProvider },
  params,
  response: providerView,
  problems: ['not_found'],
});

const update = defineRoute({
  method: 'PUT',
  path: `${path}/:idpId`,
  summary: 'Replaces the settings of an identity provider; its issuer stays',
  access: { kind: 'action', action: 'idp.write', resource: ofProvider },
  params,
  body: changedProvider,
  headers: commandHeaders.pick({ 'if-match': true }),
  response: providerView,
  bodyLimitBytes: 131_072,
  problems: [...problems, 'not_found', 'stale_revision'],
});

const remove = defineRoute({
  method: 'DELETE',
  path: `${path}/:idpId`,
  summary: 'Ends an identity provider: its people no longer sign in by it, its tokens count no longer',
  access: { kind: 'action', action: 'idp.write', resource: ofProvider },
  params,
  headers: commandHeaders.pick({ 'if-match': true }),
  status: 204,
  problems: ['not_found', 'stale_revision'],
});

@Controller()
export class ProvidersController {
  constructor(
    @Inject(FEDERATION) private readonly federation: Federation,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(create)
  async create(
    @Input() { body }: InputOf<typeof create>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await checkRoles(body, caller, request, this.authorize);
    const now = Date.now();
    const { issuer, clientSecret: secret, ...given } = body;
    const idpId = await this.federation.writer.configure({
      idpId: uuidv7(now),
      issuer,
      given,
      secret: secret ?? null,
      context: commandContext(request, caller, now),
      commandId: commandIdOf(request, caller, 'idp.create'),
    });
    const made = await this.show(caller.tenantId, idpId, reply);
    if (made.name !== given.name || made.issuer !== issuer) throw new ProblemError('idempotency_key_reused');
    return made;
  }

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit, cursor } = query;
    const all = await this.federation.providers.ofTenant(tenantId);
    const rest = all.filter(({ config }) => cursor === undefined || config.idpId > cursor);
    const page = rest.slice(0, limit);
    const shown = await Promise.all(page.map((provider) => this.view(provider)));
    return { identityProviders: shown, nextCursor: rest.length > limit ? (shown.at(-1)?.idpId ?? null) : null };
  }

  @Route(read)
  read(
    @Input() { params: { idpId } }: InputOf<typeof read>,
    @Caller() { tenantId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return this.show(tenantId, idpId, reply);
  }

  @Route(update)
  async update(
    @Input() { params: { idpId }, body }: InputOf<typeof update>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { clientSecret: secret, ...given } = body;
    const { config } = await this.find(caller.tenantId, idpId);
    await checkRoles(given, caller, request, this.authorize);
    await this.federation.writer.configure({
      idpId,
      issuer: config.issuer,
      given,
      secret,
      context: commandContext(request, caller, Date.now()),
      expectedRevision: expectedRevisionOf(request),
    });
    return this.show(caller.tenantId, idpId, reply);
  }

  @Route(remove)
  remove(
    @Input() { params: { idpId } }: InputOf<typeof remove>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ): Promise<void> {
    const context = commandContext(request, caller, Date.now());
    return this.federation.writer.remove(idpId, context, expectedRevisionOf(request));
  }

  private async find(tenantId: string, idpId: string) {
    const provider = await this.federation.providers.byId(idpId);
    if (provider?.tenantId !== tenantId) throw new ProblemError('not_found', 'There is no such identity provider');
    return provider;
  }

  private async show(tenantId: string, idpId: string, reply: FastifyReply) {
    const provider = await this.find(tenantId, idpId);
    void reply.header('etag', `"${provider.revision}"`);
    return this.view(provider);
  }

  private async view(provider: Parameters<typeof viewOfProvider>[0]) {
    const secret = await this.federation.providers.secretOf(provider.tenantId, provider.config.idpId);
    return viewOfProvider(provider, secret !== undefined, this.federation.publicUrl);
  }
}
