import { findReferences, formatPlace, mapTexts, type NearMiss } from '../reference/find-references.js';
import { nearMissTexts, secretNameIn } from '../reference/reference.js';
import { defaultSecretsDirectory, readSecretText } from '../secret/secret-file.js';
import { type ApplicationConfig, toApplicationConfig } from './application-config.js';
import { ConfigError } from './config-error.js';

export interface LoadOptions {
  /** Where secrets are mounted; `/run/secrets` unless given. */
  readonly secretsDirectory?: string;
  /** Told of each text that looks like a reference and is none; `console.warn` unless given. */
  readonly onWarning?: (message: string, nearMiss: NearMiss) => void;
}

export interface EnvOptions extends LoadOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The configuration in an environment variable, with its secrets.
 *
 * @example
 * const config = loadConfigFromEnv();
 * const url = getConfigValue(config, 'database_url');
 * @throws ConfigError `missing` when the variable is not there or empty, else as {@link loadConfigFromJson}
 */
export function loadConfigFromEnv(
  variable = 'MAKE87_CONFIG',
  { env = process.env, ...options }: EnvOptions = {},
): ApplicationConfig {
  const text = env[variable];
  if (!text) throw new ConfigError('missing', `Required env var ${variable} missing!`);
  return loadConfigFromJson(text, options);
}

/**
 * The configuration in a JSON text, or in the value of one. Its shape is checked first; then `{{ secret.NAME }}` is
 * replaced by the content of `<directory>/NAME.secret` in the texts below `config`: whole texts alone, never the names of
 * members, once. Nothing is loaded unless everything is.
 *
 * @throws ConfigError `not_json`, `wrong_shape`, `secret_unreadable`
 */
export function loadConfigFromJson(json: string | object, options: LoadOptions = {}): ApplicationConfig {
  const config = toApplicationConfig(typeof json === 'string' ? parsed(json) : json);
  const { secretsDirectory = defaultSecretsDirectory, onWarning = (message) => console.warn(message) } = options;
  for (const nearMiss of nearMissesIn(config)) onWarning(warningOf(nearMiss), nearMiss);
  const read = new Map<string, string>();
  const resolve = (name: string): string => {
    const text = read.get(name) ?? secretText(secretsDirectory, name);
    read.set(name, text);
    return text;
  };
  const resolved = mapTexts(config.config, {
    text: (text) => {
      const name = secretNameIn(text);
      return name === undefined ? text : resolve(name);
    },
  });
  return { ...config, config: resolved };
}

/** What was probably meant as a reference, and references where none is resolved. */
export function nearMissesIn({ config, ...rest }: ApplicationConfig): readonly NearMiss[] {
  const outside = findReferences(rest);
  return [
    ...findReferences(config).nearMisses.map(({ kind, place }) => ({ kind, place: ['config', ...place] })),
    ...outside.nearMisses,
    ...outside.references.map(({ place }) => ({ kind: 'outside' as const, place })),
  ];
}

const warningOf = ({ kind, place }: NearMiss): string =>
  `${formatPlace(place)} looks like a reference to a secret and is left as it is: ${nearMissTexts[kind]}`;

/** The parser's own message quotes the text. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new ConfigError('not_json', 'the configuration is not valid JSON');
  }
}

function secretText(directory: string, name: string): string {
  try {
    return readSecretText(directory, name);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code ?? message;
    throw new ConfigError(
      'secret_unreadable',
      `Failed to load secret '${name}' from ${directory}/${name}.secret: ${reason}`,
      {
        cause,
      },
    );
  }
}
