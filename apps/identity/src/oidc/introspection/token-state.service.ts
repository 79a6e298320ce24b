import { tokenAudience } from '@gatehouse/authn';
import { type JWTPayload, jwtVerify } from 'jose';
import { signingAlgorithms } from '../../signing-key/signing-key.js';
import type { SigningKeys } from '../../signing-key/signing-keys.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import { cliClientId } from '../client/built-in-client.js';
import type { Clients } from '../client/clients.service.js';
import type { Grants } from '../grant/grants.service.js';
import type { SignIns } from '../grant/sign-ins.service.js';

export interface TokenStateParts {
  readonly issuer: string;
  readonly signingKeys: SigningKeys;
  readonly clients: Clients;
  readonly grants: Grants;
  readonly signIns: SignIns;
  readonly memberships: Memberships;
}

/** Longer than any access token of ours. */
const maxTokenLength = 8_192;
const maxSeen = 10_000;

/** What is true of one of our access tokens right now: asked of the tables, so an end counts with its own answer. */
export class TokenState {
  readonly #parts: TokenStateParts;
  /** Tokens whose signature was right, and what they say: a signature stays right, so it is computed once. */
  readonly #seen = new Map<string, JWTPayload>();

  constructor(parts: TokenStateParts) {
    this.#parts = parts;
  }

  /** The claims of a token that is ours and not over by the clock, whatever happened to it; undefined for any other text. */
  async verified(token: string, nowMs: number): Promise<JWTPayload | undefined> {
    const { issuer, signingKeys } = this.#parts;
    if (token.length > maxTokenLength) return undefined;
    const seen = this.#seen.get(token);
    if (seen) return (seen.exp ?? 0) * 1_000 > nowMs ? seen : undefined;
    const keys = (header: { kid?: string; alg?: string }) => signingKeys.verificationKey(header);
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: tokenAudience,
        algorithms: [...signingAlgorithms],
        typ: 'at+jwt',
        requiredClaims: ['sub', 'exp', 'tenant'],
        currentDate: new Date(nowMs),
      });
      this.#remember(token, payload);
      return payload;
    } catch {
      return undefined;
    }
  }

  // Oldest out first: the map keeps insertion order, and a full one costs a verification, never memory.
  #remember(token: string, payload: JWTPayload): void {
    if (this.#seen.size >= maxSeen) this.#seen.delete(this.#seen.keys().next().value ?? '');
    this.#seen.set(token, payload);
  }

  /** The claims of a token that works now; undefined for one that is over, revoked, or was never ours. */
  async alive(token: string, nowMs: number): Promise<JWTPayload | undefined> {
    const payload = await this.verified(token, nowMs);
    return payload && (await this.#isAlive(payload)) ? payload : undefined;
  }

  async #isAlive(payload: JWTPayload): Promise<boolean> {
    const { clients, grants, signIns, memberships } = this.#parts;
    const { sub = '', sid, tenant, principal, client_id: clientId } = payload as Record<string, string | undefined>;
    if (principal === 'service') return (await clients.byId(clientId ?? '')) !== undefined;
    if (sid === undefined || !(await memberships.of(tenant ?? '', sub))) return false;
    if (clientId !== undefined && clientId !== cliClientId && !(await this.#stillRegistered(payload))) return false;
    // A token of a client hangs on its grant, one of our own sign-in on its session.
    if (await grants.find(sid)) return (await signIns.activePerson(sub)) !== undefined;
    return (await signIns.find(sub, sid)) !== undefined;
  }

  /** A session may name a program that is no registered client; a limited token always names one. */
  async #stillRegistered({ client_id: clientId, permissions }: JWTPayload): Promise<boolean> {
    return permissions === undefined || (await this.#parts.clients.byId(String(clientId))) !== undefined;
  }
}
