/** Who is calling: a service with a `mas_` key, a person with a `mau_` key or a token, a device with its `m87_` key. */
export interface Principal {
  readonly type: 'service' | 'user' | 'device';
  readonly id: string;
  /** The tenant the call acts in: the credential's own, or one that the caller selected and is a member of. */
  readonly tenantId: string;
  /** The key of identity that was used; absent for tokens. */
  readonly keyId?: string;
  /** The token of the vault that was used, whose accessor this is. */
  readonly tokenId?: string;
  /** Action patterns of the credential; absent: all that the principal may. */
  readonly scopes?: readonly string[];
  /** The sign-in or grant a token belongs to (`sid`). */
  readonly sessionId?: string;
  /** True for a token that somebody gave to a client for one tenant: it cannot choose another one of the person's. */
  readonly tenantFixed?: true;
  /** How the person of a token proved who it is (`amr`, RFC 8176). */
  readonly methods?: readonly string[];
}

/** Id of the credential that a caller came with: its key, its token of the vault, or its sign-in. Undefined for one without. */
export const credentialOf = ({
  keyId,
  tokenId,
  sessionId,
}: Pick<Principal, 'tenantId' | 'keyId' | 'tokenId' | 'sessionId'>): string | undefined =>
  keyId ?? tokenId ?? sessionId;

/** Why nobody was let in. The words are stable: the status tables, reports and metrics are keyed by them. */
export type AuthenticationFailure =
  | 'missing'
  | 'scheme'
  | 'malformed'
  | 'unknown'
  | 'disabled'
  | 'expired'
  | 'rotated'
  | 'network'
  | 'ended'
  | 'tenant_unknown'
  | 'not_member'
  | 'tenant_ambiguous'
  | 'second_factor'
  | 'out_of_scope'
  | 'not_ready';

export class NotAuthenticated extends Error {
  /** @param known Whose credential it was, where that is known: for reports, never for the answer */
  constructor(
    readonly failure: AuthenticationFailure,
    readonly known?: Principal,
  ) {
    super(`not authenticated: ${failure}`);
    this.name = 'NotAuthenticated';
  }
}

/** Which tenant a caller asks to act in. A choice by id or by name, which are the same text here. */
export interface TenantChoice {
  /** `X-Tenant-ID`. */
  readonly tenantId?: string | undefined;
  /** `X-Tenant-Name`. */
  readonly tenantName?: string | undefined;
  /** True where a person may call without the second factor that the tenant asks for: to add one. */
  readonly withoutSecondFactor?: boolean | undefined;
}

/** A proof of possession as it came (RFC 9449), and what it came with. */
export interface SentProof {
  /** The header `DPoP`. */
  readonly proof: string;
  readonly method: string;
  /** Path of the request, without query. */
  readonly path: string;
}

/** What a bearer checker needs of a request. */
export interface Credentials extends TenantChoice {
  readonly authorization: string | undefined;
  readonly ip: string;
  readonly dpop?: SentProof | undefined;
}
