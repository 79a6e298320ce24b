import type { ApplicationConfig } from './application-config.js';
import { ConfigError } from './config-error.js';

export interface ValueOptions<T> {
  /** For a value that is missing or null. Null is no default. */
  readonly default?: T | null;
  /** Called when there is no default. */
  readonly defaultFactory?: () => T;
  /** Makes of a found value what the caller wants; defaults are taken as they are. */
  readonly converter?: (value: unknown) => T;
}

/**
 * A member of `config.config`. Null counts as missing; `0`, `''` and `false` are values.
 *
 * @example getConfigValue(config, 'port', { default: 8080, converter: Number })
 * @throws ConfigError `key_missing`; `wrong_shape` when `config.config` is no object; whatever the converter throws
 */
export function getConfigValue<T = unknown>(
  { config }: Pick<ApplicationConfig, 'config'>,
  name: string,
  { default: given, defaultFactory, converter }: ValueOptions<T> = {},
): T {
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new ConfigError('wrong_shape', 'the configuration is no object: it has no members by name');
  // Own members alone: `constructor` and its like are missing, not found in the prototype.
  const value = Object.hasOwn(config, name) ? (config as Readonly<Record<string, unknown>>)[name] : undefined;
  if (value !== undefined && value !== null) return converter ? converter(value) : (value as T);
  if (given !== undefined && given !== null) return given;
  if (defaultFactory) return defaultFactory();
  throw new ConfigError('key_missing', `Configuration key '${name}' not found and no default provided.`);
}
