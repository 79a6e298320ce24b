import { type BearerFamily, bearerFamily } from '@gatehouse/crypto';
import type { CallerDirectory } from './caller-directory.js';
import { type Credentials, NotAuthenticated, type Principal } from './principal.js';
import type { VerifyToken } from './tokens.js';

type Check = (bearer: string, credentials: Credentials, nowMs: number) => Principal | Promise<Principal>;

export interface AuthenticatorOptions {
  readonly callers: CallerDirectory;
  readonly verifyToken?: VerifyToken;
}

const notOurs: Check = () => {
  throw new NotAuthenticated('unknown');
};

/**
 * `Authorization: Bearer ...` to a principal: the form picks the family, the family picks the check, and the directory
 * says whether the caller is still let in and in which tenant.
 */
export function createAuthenticator({ callers, verifyToken }: AuthenticatorOptions) {
  const checkKey: Check = (bearer, { ip }, nowMs) => callers.recognise(bearer, ip, nowMs);
  const checks: Record<BearerFamily, Check> = {
    mas_: checkKey,
    mau_: checkKey,
    m87_: (bearer, _credentials, nowMs) => callers.recogniseDevice(bearer, nowMs),
    jwt: verifyToken ? (bearer, _credentials, nowMs) => verifyToken(bearer, nowMs) : notOurs,
  };
  /** RFC 9449 7.1: a token with the proof that its holder has the key it is bound to. Keys are bound to nothing. */
  const proven = (family: BearerFamily, token: string, { dpop }: Credentials, nowMs: number) => {
    if (family !== 'jwt' || !verifyToken || dpop === undefined) throw new NotAuthenticated('malformed');
    return verifyToken(token, nowMs, dpop);
  };
  return (credentials: Credentials, nowMs: number): Principal | Promise<Principal> => {
    const { scheme, bearer } = readCredential(credentials.authorization);
    const family = bearerFamily(bearer);
    if (!family) throw new NotAuthenticated('malformed');
    const found =
      scheme === 'dpop' ? proven(family, bearer, credentials, nowMs) : checks[family](bearer, credentials, nowMs);
    return found instanceof Promise
      ? found.then((principal) => callers.admit(principal, credentials))
      : callers.admit(found, credentials);
  };
}

/** RFC 6750 2.1; the scheme's case does not count (RFC 9110 11.1). */
function readCredential(header: string | undefined): { readonly scheme: 'bearer' | 'dpop'; readonly bearer: string } {
  if (header === undefined || header === '') throw new NotAuthenticated('missing');
  const [name = '', bearer, ...rest] = header.split(' ');
  const scheme = name.toLowerCase();
  if (scheme !== 'bearer' && scheme !== 'dpop') throw new NotAuthenticated('scheme');
  if (!bearer || rest.length > 0) throw new NotAuthenticated('malformed');
  return { scheme, bearer };
}
