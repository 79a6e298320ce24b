/** What a configuration that can't be loaded is; the texts name places, secrets and files, never a value. */
export type ConfigErrorCode = 'missing' | 'not_json' | 'wrong_shape' | 'secret_unreadable' | 'key_missing';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(
    readonly code: ConfigErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
