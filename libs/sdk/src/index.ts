export type {
  Decision,
  DecisionRequest,
  EntityReference,
  Secret,
  SecretList,
  SecretsClient,
} from './client/gatehouse-client.js';
export { GatehouseClient } from './client/gatehouse-client.js';
export { type FieldProblem, GatehouseError } from './client/gatehouse-error.js';
export type { ClientOptions } from './client/transport.js';
export type { ApplicationConfig, ApplicationInfo, Peripheral, Storage } from './config/application-config.js';
export { ConfigError, type ConfigErrorCode } from './config/config-error.js';
export { getConfigValue, type ValueOptions } from './config/get-config-value.js';
export { type EnvOptions, type LoadOptions, loadConfigFromEnv, loadConfigFromJson } from './config/load-config.js';
export {
  type FoundReference,
  findReferences,
  formatPlace,
  type NearMiss,
  type Place,
  type References,
  TooDeepError,
} from './reference/find-references.js';
export {
  type NearMissKind,
  nearMissOf,
  nearMissTexts,
  secretNameIn,
  secretNamePattern,
} from './reference/reference.js';
export { type SecretPart, secretBytes, secretPart } from './secret/secret-bytes.js';
export { defaultSecretsDirectory, readSecretBytes, readSecretText, secretPath } from './secret/secret-file.js';
export { type SecretChange, type SecretWatch, type WatchOptions, watchSecrets } from './secret/watch-secrets.js';
