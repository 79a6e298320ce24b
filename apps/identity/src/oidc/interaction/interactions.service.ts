import { type Principal, tokenAudience } from '@gatehouse/authn';
import { type HttpRequest, ProblemError } from '@gatehouse/http';
import type { FastifyReply } from 'fastify';
import { errors, type Provider } from 'oidc-provider';
import type { ClientFacts } from '../client/client.js';
import { within } from '../grant/action-patterns.js';
import type { PersonAtPage } from '../grant/person-at-page.service.js';
import { addScopes } from '../provider/accounts.service.js';
import type { OidcPort } from '../provider/oidc-port.service.js';
import { factsOf, openIdScopes } from '../provider/token-claims.service.js';
import type { Records } from '../record/records.service.js';
import { isFreshEnough } from './freshness.js';

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

export interface InteractionsParts {
  readonly port: OidcPort;
  readonly records: Records;
  readonly person: PersonAtPage;
}

/** What stands between an authorization request and its answer: who is there, and does that person agree. */
export class Interactions {
  readonly #parts: InteractionsParts;

  constructor(parts: InteractionsParts) {
    this.#parts = parts;
  }

  async show(request: HttpRequest, reply: FastifyReply, uid: string) {
    const interaction = await this.#find(request, reply, uid);
    const { prompt, params, session } = interaction;
    const client = await this.#client(interaction);
    const choices = session?.accountId ? await this.#parts.person.choices(client, session.accountId) : [];
    const { scopes, permissions } = asked(interaction, client);
    return {
      uid,
      prompt: prompt.name as 'login' | 'consent',
      reasons: prompt.reasons,
      client: { id: client.clientId, title: client.title, registered: client.tenantId !== '' },
      redirectHost: new URL(String(params.redirect_uri)).host,
      scopes,
      permissions,
      tenants: choices.map(({ tenantId, name }) => ({ id: tenantId, name })),
      ...(typeof params.login_hint === 'string' && { loginHint: params.login_hint.slice(0, 254) }),
    };
  }

  async login(request: HttpRequest, reply: FastifyReply, uid: string, caller: Principal) {
    const interaction = await this.#find(request, reply, uid, 'login');
    const { person, methods, authTime, sessionId } = await this.#parts.person.require(caller);
    if (!isFreshEnough(interaction, authTime)) throw new ProblemError('sign_in_too_old');
    await this.#forgetOther(interaction, person.userId);
    const login = { accountId: person.userId, amr: [...methods], ts: authTime, remember: false, signIn: sessionId };
    return this.#finish(interaction, { login });
  }

  async consent(request: HttpRequest, reply: FastifyReply, uid: string, tenantId: string | undefined) {
    const interaction = await this.#find(request, reply, uid, 'consent');
    const { records, person, port } = this.#parts;
    const { accountId = '', uid: sessionUid = '', amr = [] } = interaction.session ?? {};
    const client = await this.#client(interaction);
    const membership = await person.chosen(client, accountId, amr, tenantId);
    const session = await records.findByUid(sessionUid);
    const grant = new port.provider.Grant({ accountId, clientId: client.clientId });
    const { scopes, permissions } = asked(interaction, client);
    addScopes(grant, scopes, permissions.join(' '));
    const grantId = await grant.save();
    // Until this is written the grant is of no tenant, and no token is issued on it.
    const facts = { tenantId: membership.tenantId, ...(session?.sign_in && { signIn: session.sign_in }) };
    await records.attach('Grant', grantId, facts);
    return this.#finish(interaction, { ...interaction.lastSubmission, consent: { grantId } });
  }

  async abort(request: HttpRequest, reply: FastifyReply, uid: string) {
    const interaction = await this.#find(request, reply, uid);
    return this.#finish(interaction, { error: 'access_denied', error_description: 'the person did not agree' });
  }

  async #finish(interaction: Interaction, result: object): Promise<{ location: string }> {
    interaction.result = result as NonNullable<Interaction['result']>;
    await interaction.persist();
    return { location: interaction.returnTo };
  }

  /** The interaction of this browser: the cookie is for this address only, and names the same. */
  async #find(request: HttpRequest, reply: FastifyReply, uid: string, prompt?: string): Promise<Interaction> {
    const { port } = this.#parts;
    try {
      const interaction = await port.provider.interactionDetails(port.prepare(request), reply.raw);
      if (interaction.uid === uid && (prompt === undefined || interaction.prompt.name === prompt)) return interaction;
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw error;
    }
    throw new ProblemError('interaction_over');
  }

  async #client({ params }: Interaction): Promise<ClientFacts> {
    const client = await this.#parts.port.provider.Client.find(String(params.client_id));
    if (!client) throw new ProblemError('interaction_over');
    return factsOf(client);
  }

  /** Somebody else signed in here before: that session ends, it is not mixed with the new one. */
  async #forgetOther(interaction: Interaction, userId: string): Promise<void> {
    const { session } = interaction;
    if (!session?.accountId || session.accountId === userId) return;
    const other = await this.#parts.port.provider.Session.findByUid(session.uid);
    await other?.destroy();
    (interaction as { session?: unknown }).session = undefined;
  }
}

/** What a request asks for and the client may have. */
function asked({ params }: Interaction, client: ClientFacts) {
  const words = String(params.scope ?? '')
    .split(' ')
    .filter(Boolean);
  const wantsApi = params.resource === undefined || params.resource === tokenAudience;
  return {
    scopes: words.filter((word) => openIdScopes.has(word) && client.scopes.includes(word)),
    permissions: wantsApi
      ? [
          ...within(
            client.permissions,
            words.filter((word) => !openIdScopes.has(word)),
          ),
        ]
      : [],
  };
}
