import { type BearerFamily, bearerFamily } from '@gatehouse/crypto';
import type { CallerDirectory } from './caller-directory.js';
import { type Credentials, NotAuthenticated, type Principal } from './principal.js';

type Check = (bearer: string, ip: string, nowMs: number) => Principal | Promise<Principal>;

export interface AuthenticatorOptions {
  readonly callers: CallerDirectory;
  readonly verifyToken?: (token: string, nowMs: number) => Promise<Principal>;
}

const notOurs: Check = () => {
  throw new NotAuthenticated('unknown');
};

/**
 * `Authorization: Bearer ...` to a principal: the form picks the family, the family picks the check, and the directory
 * says whether the caller is still let in and in which tenant.
 */
export function createAuthenticator({ callers, verifyToken }: AuthenticatorOptions) {
  const checkKey: Check = (bearer, ip, nowMs) => callers.recognise(bearer, ip, nowMs);
  const checks: Record<BearerFamily, Check> = {
    mas_: checkKey,
    mau_: checkKey,
    // Device keys are the registry's, which answers for them when it exists; no service takes them for a caller yet.
    m87_: notOurs,
    jwt: verifyToken ? (bearer, _ip, nowMs) => verifyToken(bearer, nowMs) : notOurs,
  };
  return (credentials: Credentials, nowMs: number): Principal | Promise<Principal> => {
    const bearer = readBearer(credentials.authorization);
    const family = bearerFamily(bearer);
    if (!family) throw new NotAuthenticated('malformed');
    const found = checks[family](bearer, credentials.ip, nowMs);
    return found instanceof Promise
      ? found.then((principal) => callers.admit(principal, credentials))
      : callers.admit(found, credentials);
  };
}

/** RFC 6750 2.1; the scheme's case does not count (RFC 9110 11.1). */
function readBearer(header: string | undefined): string {
  if (header === undefined || header === '') throw new NotAuthenticated('missing');
  const [scheme = '', bearer, ...rest] = header.split(' ');
  if (scheme.toLowerCase() !== 'bearer') throw new NotAuthenticated('scheme');
  if (!bearer || rest.length > 0) throw new NotAuthenticated('malformed');
  return bearer;
}
