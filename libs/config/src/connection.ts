import { inspect } from 'node:util';
import { ConfigError, type ConfigProblem } from './errors.js';
import { isSampleSecret } from './sample-secret.js';
import { type Environment, readVariable } from './variable.js';

/**
 * Where a server is and who we are there. Printing or serializing it shows `display`, without the password.
 */
export class Connection {
  constructor(
    /** The complete URL, password included: for the driver only. */
    readonly url: string,
    /** The URL without its password and parameters: for logs. */
    readonly display: string,
  ) {
    Object.defineProperty(this, 'url', { enumerable: false });
  }

  toJSON(): string {
    return this.display;
  }

  toString(): string {
    return this.display;
  }

  [inspect.custom](): string {
    return `Connection(${this.display})`;
  }
}

/**
 * Reads `<prefix>_URL` and, kept apart so that it can be a mounted secret, `<prefix>_PASSWORD`; both may be given as
 * `…_FILE`. The password is put into the URL percent-encoded.
 *
 * @throws ConfigError when the URL is absent, empty or no URL, when the password is empty, a published default, or
 *   given twice (in the URL and beside it)
 * @example
 * connectionFromEnv({ DATABASE_URL: 'postgres://audit@db/gatehouse', DATABASE_PASSWORD_FILE: '/run/secrets/db' }, 'DATABASE').url
 */
export function connectionFromEnv(env: Environment, prefix: string): Connection {
  const problems: ConfigProblem[] = [];
  const url = parseUrl(take(env, `${prefix}_URL`, problems), `${prefix}_URL`, problems);
  const password = take(env, `${prefix}_PASSWORD`, problems);
  const variable = `${prefix}_PASSWORD`;
  if (password === '') problems.push({ variable, problem: 'is empty' });
  if (password && url && url.password !== '')
    problems.push({ variable, problem: `is also part of ${prefix}_URL; set one` });
  if (password && url && url.host === '') problems.push({ variable, problem: `needs a host in ${prefix}_URL` });
  if (url && password && problems.length === 0) url.password = encodeURIComponent(password);
  if (url?.password && isSampleSecret(decode(url.password))) {
    problems.push({ variable: password ? variable : `${prefix}_URL`, problem: 'has a published default as password' });
  }
  if (problems.length > 0 || url === undefined) throw new ConfigError(problems);
  return new Connection(url.href, displayOf(url));
}

function take(env: Environment, name: string, problems: ConfigProblem[]): string | undefined {
  const variable = readVariable(env, name);
  if (!('problem' in variable)) return variable.value;
  problems.push(variable);
  return undefined;
}

function parseUrl(text: string | undefined, variable: string, problems: ConfigProblem[]): URL | undefined {
  if (text !== undefined && URL.canParse(text)) return new URL(text);
  const problem = text === undefined ? 'is required' : text === '' ? 'is empty' : 'is not a URL';
  if (!problems.some((known) => known.variable.startsWith(variable))) problems.push({ variable, problem });
  return undefined;
}

function displayOf(url: URL): string {
  const shown = new URL(url.href);
  shown.password = '';
  shown.search = '';
  shown.hash = '';
  return shown.href;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
