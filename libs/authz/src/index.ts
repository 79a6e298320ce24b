export { type AuthorizerOptions, createAuthorizer, toEntity } from './authorizer.js';
