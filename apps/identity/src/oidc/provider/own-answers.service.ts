import type { JWTPayload } from 'jose';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ClientFacts } from '../client/client.js';
import type { Grants } from '../grant/grants.service.js';
import type { TokenState } from '../introspection/token-state.service.js';
import { pollSeconds } from '../record/poll.js';
import { factsOf } from './token-claims.service.js';
import { orUnavailable } from './unavailable.js';

type Next = () => Promise<unknown>;
type Answer = Readonly<Record<string, unknown>>;
type Finish = (ctx: KoaContextWithOIDC, answer: Answer | undefined) => void | Promise<void>;

/**
 * Where the library leaves the answer to us. It keeps no JWTs, so it refuses to introspect or revoke one, with a code of
 * its own and only after the client has authenticated: these are the requests that are answered here.
 */
export class OwnAnswers {
  readonly #finish: Readonly<Record<string, Finish>>;

  constructor(
    private readonly tokens: TokenState,
    private readonly grants: Grants,
  ) {
    this.#finish = {
      introspection: (ctx, answer) => this.#ofJwt(ctx, answer, (token) => this.#introspect(ctx, token)),
      revocation: (ctx, answer) => this.#ofJwt(ctx, answer, (token) => this.#revoke(ctx, token)),
      device_authorization: paceDevice,
    };
  }

  async complete(ctx: KoaContextWithOIDC, next: Next): Promise<void> {
    await next();
    const route = ctx.oidc?.route;
    if (route !== undefined) await this.#finish[route]?.(ctx, ctx.body as Answer | undefined);
  }

  async #ofJwt(ctx: KoaContextWithOIDC, answer: Answer | undefined, work: (token: string) => Promise<void>) {
    const { client, params } = ctx.oidc;
    if (ctx.status !== 400 || answer?.error !== 'unsupported_token_type' || !client) return;
    try {
      await orUnavailable(() => work(String(params?.token)));
    } catch (error) {
      const { statusCode, error: code } = error as { statusCode?: number; error?: string };
      if (statusCode !== 503) throw error;
      ctx.status = 503;
      ctx.body = { error: code };
    }
  }

  async #introspect(ctx: KoaContextWithOIDC, token: string): Promise<void> {
    const claims = await this.tokens.alive(token, Date.now());
    const shown = claims && maySee(factsOf(ctx.oidc.client), claims) ? claims : undefined;
    ctx.status = 200;
    ctx.body = shown ? introspected(shown) : { active: false };
  }

  /** The token cannot be called back, so what it hangs on ends: its grant. A client's own token lives its minutes. */
  async #revoke(ctx: KoaContextWithOIDC, token: string): Promise<void> {
    const claims = await this.tokens.verified(token, Date.now());
    const { clientId } = factsOf(ctx.oidc.client);
    const own = claims?.client_id === clientId && claims.act === undefined;
    if (own && claims.principal === 'service') return;
    const grant = own ? await this.grants.find(String(claims.sid)) : undefined;
    if (grant?.clientId === clientId) await this.grants.revoke(grant.grantId, 'revoked');
    // The answer is the same for tokens of others and for no tokens at all (RFC 7009, 2.2).
    ctx.status = 200;
    ctx.body = '';
  }
}

/** A client sees its own tokens; a service that was trusted with it, those of its tenant. Nobody hears of any other. */
function maySee(client: ClientFacts, claims: JWTPayload): boolean {
  return claims.client_id === client.clientId || (client.introspectTenant && claims.tenant === client.tenantId);
}

function introspected(claims: JWTPayload): Answer {
  const { permissions, cnf } = claims as { permissions?: readonly string[]; cnf?: unknown };
  return {
    active: true,
    ...claims,
    token_type: cnf === undefined ? 'Bearer' : 'DPoP',
    ...(permissions?.length && { scope: permissions.join(' ') }),
  };
}

/** RFC 8628 3.2: the pace is said. No `verification_uri_complete`: the person types the code that the device shows. */
function paceDevice(ctx: KoaContextWithOIDC, answer: Answer | undefined): void {
  if (answer?.device_code === undefined) return;
  const { verification_uri_complete: _oneClick, ...rest } = answer;
  ctx.body = { ...rest, interval: pollSeconds };
}
