import { DpopProofs, NotAuthenticated, tokenAudience } from '@gatehouse/authn';
import { clientPrincipalId } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import type { PostgresEventStore } from '@gatehouse/event-store';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { SigningKeys } from '../../signing-key/signing-keys.service.js';
import type { TokenState } from '../introspection/token-state.service.js';
import { factsOf } from '../provider/token-claims.service.js';
import { orUnavailable } from '../provider/unavailable.js';
import { accessTokenType, type ExchangedToken, ExchangeRefused, type ExchangeRequest, exchange } from './exchange.js';

export interface TokenExchangeParts {
  readonly issuer: string;
  readonly signingKeys: SigningKeys;
  readonly tokens: TokenState;
  readonly store: PostgresEventStore;
}

/** Parameters of RFC 8693 2.1 that the token endpoint reads for this grant. */
export const exchangeParameters = [
  ...['subject_token', 'subject_token_type', 'requested_token_type', 'actor_token', 'actor_token_type'],
  ...['audience', 'resource', 'scope'],
];

const replaySeconds = 120;

type Params = Readonly<Record<string, string | undefined>>;

/** The grant of RFC 8693 at the token endpoint; the client has authenticated, and may use this grant, before. */
export class TokenExchange {
  readonly #parts: TokenExchangeParts;
  readonly #proofs: DpopProofs;

  constructor(parts: TokenExchangeParts) {
    this.#parts = parts;
    this.#proofs = new DpopProofs();
  }

  async handle(ctx: KoaContextWithOIDC): Promise<void> {
    const client = factsOf(ctx.oidc.client);
    const params = ctx.oidc.params as Params;
    if (!params.subject_token) throw new errors.InvalidRequest('missing required parameter subject_token');
    const nowMs = Date.now();
    const proofKey = await this.#proofKey(ctx, client.requireDpop, nowMs);
    const subject = await orUnavailable(() => this.#parts.tokens.alive(params.subject_token ?? '', nowMs));
    if (!subject) throw describe(new ExchangeRefused('invalid_grant', 'the subject token is not valid'));
    const facts = {
      subject,
      client,
      actorId: `service/${clientPrincipalId(client.name)}`,
      audience: tokenAudience,
      nowSeconds: Math.floor(nowMs / 1_000),
    };
    const token = decide(toRequest(params, proofKey), facts);
    await orUnavailable(() => this.#record(token, client.clientId, client.tenantId, client.name, nowMs));
    ctx.body = await this.#answer(token, nowMs, proofKey !== undefined);
  }

  async #answer({ claims, permissions, lifetimeSeconds }: ExchangedToken, nowMs: number, bound: boolean) {
    const { signingKeys } = this.#parts;
    const options = { typ: 'at+jwt', lifetimeSeconds, nowMs };
    return {
      access_token: await signingKeys.sign({ ...claims, jti: uuidv7(nowMs) }, options),
      issued_token_type: accessTokenType,
      token_type: bound ? 'DPoP' : 'Bearer',
      expires_in: lifetimeSeconds,
      ...(permissions.length > 0 && { scope: permissions.join(' ') }),
    };
  }

  /** Before the token is handed out: whoever acted for a person stands in the ledger, or did not get to. */
  async #record(token: ExchangedToken, clientId: string, tenantId: string, name: string, nowMs: number) {
    const { sub, sid } = token.claims as { sub: string; sid?: string };
    const data = {
      clientId,
      userId: sub,
      ...(sid && { sid }),
      permissions: token.permissions,
      audience: tokenAudience,
    };
    await this.#parts.store.append(`token-exchange:${uuidv7(nowMs)}`, [{ type: 'token.exchanged', version: 1, data }], {
      expectedRevision: 0,
      context: {
        tenantId,
        actor: { type: 'service', id: clientPrincipalId(name) },
        now: nowMs,
        correlationId: uuidv7(nowMs).replaceAll('-', ''),
      },
    });
  }

  /** The key that the client proved to hold (RFC 9449), each proof once across all replicas. */
  async #proofKey(ctx: KoaContextWithOIDC, required: boolean, nowMs: number): Promise<string | undefined> {
    const proof = ctx.get('DPoP');
    if (proof === '' && !required) return undefined;
    const url = new URL(ctx.path, this.#parts.issuer).href;
    const { thumbprint, jti } = await this.#proofs.verify(proof, { method: ctx.method, url, nowMs }).catch((error) => {
      throw error instanceof NotAuthenticated ? new errors.InvalidDpopProof('the DPoP proof is not valid') : error;
    });
    const { ReplayDetection } = ctx.oidc.provider;
    const first = await ReplayDetection.unique(
      ctx.oidc.client?.clientId ?? '',
      jti,
      Math.floor(nowMs / 1_000) + replaySeconds,
    );
    if (!first) throw new errors.InvalidDpopProof('the DPoP proof was used before');
    return thumbprint;
  }
}

const toRequest = (params: Params, proofKey: string | undefined): ExchangeRequest => ({
  subjectTokenType: params.subject_token_type,
  requestedTokenType: params.requested_token_type,
  actorToken: params.actor_token,
  audience: params.audience,
  resource: params.resource,
  scope: params.scope,
  proofKey,
});

function decide(...args: Parameters<typeof exchange>): ExchangedToken {
  try {
    return exchange(...args);
  } catch (error) {
    throw error instanceof ExchangeRefused ? describe(error) : error;
  }
}

const describe = ({ failure, message }: ExchangeRefused): Error => new errors.CustomOIDCProviderError(failure, message);
