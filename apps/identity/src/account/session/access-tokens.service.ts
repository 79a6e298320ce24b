import { tokenAudience } from '@gatehouse/authn';
import { uuidv7 } from '@gatehouse/crypto';
import type { People, Person } from '../../person/people.service.js';
import type { SigningKeys } from '../../signing-key/signing-keys.service.js';
import type { ActingTenant } from './session-tenants.service.js';

/** How long an access token lives; sooner dead only where the end of its session is heard of. */
export const accessTokenSeconds = 900;

export interface AccessTokensOptions {
  readonly people: People;
  readonly signingKeys: SigningKeys;
  /** The installation's public address. */
  readonly issuer: string;
}

export interface IssueToken {
  readonly person: Person;
  readonly tenant: ActingTenant;
  readonly sessionId: string;
  readonly methods: readonly string[];
  readonly now: number;
  readonly clientId?: string | undefined;
  readonly tenantFixed?: boolean | undefined;
}

/** Access tokens of sessions: signed, never stored (RFC 9068). */
export class AccessTokens {
  readonly #options: AccessTokensOptions;

  constructor(options: AccessTokensOptions) {
    this.#options = options;
  }

  async issue({ person, tenant, sessionId, methods, now, clientId, tenantFixed }: IssueToken) {
    const { people, signingKeys, issuer } = this.#options;
    const { email } = await people.profileOf(person);
    const claims = {
      iss: issuer,
      aud: tokenAudience,
      sub: person.userId,
      tenant: tenant.tenantId,
      tenant_name: tenant.name,
      ...(email !== undefined && { email }),
      sid: sessionId,
      amr: [...methods],
      ...(tenantFixed && { tenant_fixed: true }),
      ...(clientId !== undefined && { client_id: clientId }),
      jti: uuidv7(now),
    };
    const options = { typ: 'at+jwt', lifetimeSeconds: accessTokenSeconds, nowMs: now };
    const accessToken = await signingKeys.sign(claims, options);
    return { sessionId, tenantId: tenant.tenantId, accessToken, expiresIn: accessTokenSeconds };
  }
}
