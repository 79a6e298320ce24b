import { z } from 'zod';
import { isSampleSecret } from './sample-secret.js';

/** Whole numbers only, in plain decimal: `1e3`, `0x10` and `''` are refused, where `Number()` would accept them. */
const DECIMAL = /^-?\d{1,15}$/;
const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

function integer(meaning: string, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}) {
  return z
    .string()
    .regex(DECIMAL, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `is not between ${min} and ${max}`)
    .meta({ description: meaning, accepts: `${min}..${max}` });
}

function flag(meaning: string) {
  return z
    .string()
    .transform((text) => text.trim().toLowerCase())
    .refine((text) => TRUE.has(text) || FALSE.has(text), 'is neither true nor false')
    .transform((text) => TRUE.has(text))
    .meta({ description: meaning, accepts: 'true|false' });
}

function url(meaning: string, protocols: readonly string[] = ['http', 'https']) {
  const isAllowed = (text: string) => URL.canParse(text) && protocols.includes(new URL(text).protocol.slice(0, -1));
  return z
    .string()
    .refine(isAllowed, `is not a URL of ${protocols.join(' or ')}`)
    .meta({ description: meaning, accepts: protocols.map((protocol) => `${protocol}://`).join(' ') });
}

function list(meaning: string) {
  return z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .meta({ description: meaning, accepts: 'a,b,c' });
}

function secret(meaning: string, { minLength = 16 } = {}) {
  return z
    .string()
    .min(minLength, `is shorter than ${minLength} characters`)
    .refine((text) => !isSampleSecret(text), 'is a published default or a placeholder, not a secret')
    .meta({ description: meaning, accepts: `at least ${minLength} characters`, secret: true });
}

/**
 * Fields for {@link loadConfig}: each parses the text of one environment variable and carries its meaning for
 * {@link describeConfig}. Make a field optional or give it a default with zod: `.optional()`, `.default(8080)`.
 *
 * Types of the parsed values: `text`, `url`, `secret` string; `integer`, `port` number; `flag` boolean (true/false,
 * yes/no, on/off, 1/0); `list` string[]; `choice` one of the given words.
 *
 * @example
 * z.object({ PORT: setting.port('Where the API listens').default(8080), KEY: setting.secret('Signs checkpoints') })
 */
export const setting = {
  text: (meaning: string) => z.string().meta({ description: meaning, accepts: 'text' }),
  integer,
  port: (meaning: string) => integer(meaning, { min: 0, max: 65_535 }),
  flag,
  url,
  list,
  choice: <const T extends readonly [string, ...string[]]>(meaning: string, words: T) =>
    z.enum(words).meta({ description: meaning, accepts: words.join('|') }),
  secret,
};
