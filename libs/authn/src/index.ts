export { type AuthenticatorOptions, createAuthenticator } from './authenticate.js';
export { KeyDirectory, type KeyDirectoryOptions } from './key-directory.js';
export { type KnownKey, knownKeysChannel, knownKeysProjection, knownKeysSql } from './known-keys.js';
export { type AuthenticationFailure, type Credentials, NotAuthenticated, type Principal } from './principal.js';
export { createTokenVerifier, type TokenOptions, tokenAudience } from './tokens.js';
