/** Who is calling: a service with a `mas_` key, a person with a `mau_` key or a token. */
export interface Principal {
  readonly type: 'service' | 'user';
  readonly id: string;
  /** The tenant the call acts in: the credential's own, or one that the caller selected and is a member of. */
  readonly tenantId: string;
  /** The key that was used; absent for tokens. */
  readonly keyId?: string;
  /** Action patterns of the credential; absent: all that the principal may. */
  readonly scopes?: readonly string[];
  /** The sign-in or grant a token belongs to (`sid`). */
  readonly sessionId?: string;
}

/** Why nobody was recognised. The words are stable: the status tables and metrics are keyed by them. */
export type AuthenticationFailure =
  | 'missing'
  | 'scheme'
  | 'malformed'
  | 'unknown'
  | 'disabled'
  | 'expired'
  | 'network'
  | 'not_ready';

export class NotAuthenticated extends Error {
  constructor(readonly failure: AuthenticationFailure) {
    super(`not authenticated: ${failure}`);
    this.name = 'NotAuthenticated';
  }
}

/** What a bearer checker needs of a request. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly ip: string;
}
