export { type AuthenticatorOptions, createAuthenticator } from './authenticate.js';
export { CallerDirectory, type CallerDirectoryOptions } from './caller-directory.js';
export { type DpopOptions, DpopProofs, normalUrl, type Proof, type ProofFor } from './dpop.js';
export { isLoopback, isPublicAddress } from './foreign-address.js';
export {
  createForeignFetch,
  ForeignAddressRefused,
  type ForeignFetch,
  type ForeignFetchOptions,
  type ForeignReach,
  isForeignUrl,
} from './foreign-fetch.js';
export { ForeignIssuers, type ForeignIssuersOptions } from './foreign-issuers.js';
export { ForeignKeys, type ForeignKeysOptions, foreignAlgorithms } from './foreign-keys.js';
export {
  dropKnownIssuersSql,
  knownIssuersChannel,
  knownIssuersProjection,
  knownIssuersSql,
} from './foreign-known.js';
export { dropKnownCallersSql, knownCallersChannel, knownCallersProjection, knownCallersSql } from './known-callers.js';
export {
  dropKnownDevicesSql,
  type KnownDevice,
  knownDevicesProjection,
  knownDevicesSql,
} from './known-devices.js';
export { type KnownKey, knownKeysProjection, knownKeysSql } from './known-keys.js';
export {
  type AuthenticationFailure,
  type Credentials,
  credentialOf,
  NotAuthenticated,
  type Principal,
  type SentProof,
  type TenantChoice,
} from './principal.js';
export { coversScopes, isInScope } from './scopes.js';
export { createTokenVerifier, type TokenOptions, tokenAudience, type VerifyToken } from './tokens.js';
