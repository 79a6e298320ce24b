import { createHash } from 'node:crypto';
import { foreignAlgorithms } from '@gatehouse/authn';
import { constantTimeEqual } from '@gatehouse/crypto';
import { decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { redirectUriOf } from '../provider/provider-view.js';
import type { StoredProvider } from '../provider/providers.service.js';
import type { checksOf } from '../sign-in/sign-in-secret.js';
import type { Issuers } from './issuers.service.js';

type Checks = ReturnType<typeof checksOf>;

/** The two halves of the code flow with PKCE (OpenID Connect Core 3.1, RFC 9700). */
export class CodeExchange {
  constructor(
    private readonly issuers: Issuers,
    private readonly publicUrl: string,
  ) {}

  /** Where the browser goes. @throws Refusal `idp_discovery_failed` */
  async location(provider: StoredProvider, { state, nonce, verifier }: Checks, nowMs: number): Promise<string> {
    const configuration = await this.issuers.clientOf(provider, nowMs);
    const { scopes_supported: known = [] } = configuration.serverMetadata();
    const groups = provider.config.groupsClaim !== undefined && known.includes('groups');
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUriOf(this.publicUrl, provider.config.idpId),
      scope: ['openid', 'email', 'profile', ...(groups ? ['groups'] : [])].join(' '),
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return url.href;
  }

  /**
   * The claims of the identity token that the issuer gives for its answer. The library checks state, `iss` of the answer
   * (RFC 9207), and all claims of the token; its signature it leaves to TLS, which is too little here: an address that an
   * administrator typed in may be anybody's. So it is verified with the published keys, and `at_hash` with it.
   *
   * @param query of the callback, as it came
   * @throws whatever was wrong: nobody is told what
   */
  async claims(provider: StoredProvider, query: string, checks: Checks, nowMs: number): Promise<JWTPayload> {
    const { config } = provider;
    const configuration = await this.issuers.clientOf(provider, nowMs);
    const answer = new URL(redirectUriOf(this.publicUrl, config.idpId));
    answer.search = query;
    const tokens = await client.authorizationCodeGrant(configuration, answer, {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.verifier,
      idTokenExpected: true,
    });
    const token = tokens.id_token ?? '';
    const keys = this.issuers.keysAt(configuration.serverMetadata().jwks_uri ?? '');
    const { payload } = await jwtVerify(token, (header) => keys.find(header, nowMs), {
      issuer: config.issuer,
      audience: config.clientId,
      algorithms: foreignAlgorithms,
      requiredClaims: ['sub', 'exp', 'iat', 'nonce'],
      clockTolerance: 10,
    });
    checkAccessTokenHash(payload, token, tokens.access_token);
    return payload;
  }
}

/** OpenID Connect Core 3.1.3.8: optional in this flow, but right where it is there. */
function checkAccessTokenHash({ at_hash: claimed }: JWTPayload, token: string, accessToken: string): void {
  if (claimed === undefined) return;
  const bits = /\d{3}$/.exec(decodeProtectedHeader(token).alg ?? '')?.[0] ?? '512';
  const whole = createHash(`sha${bits}`).update(accessToken).digest();
  const expected = whole.subarray(0, whole.length / 2).toString('base64url');
  if (typeof claimed !== 'string' || !constantTimeEqual(Buffer.from(claimed), Buffer.from(expected)))
    throw new Error('the access token is not the one of the identity token');
}
