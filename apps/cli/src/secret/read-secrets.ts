import { secretBytes, secretNamePattern } from '@gatehouse/sdk';
import type { Client } from '../client.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { RefusedError } from '../output/problem.js';
import { manyAtOnce, metadataOf, type ReadVersion, readVersion, readVersions } from './secrets-api.js';

/** A secret of a scope, by the name that mounts and references have. */
export interface NamedSecret {
  readonly name: string;
  readonly path: string;
}

export interface OpenedSecret extends NamedSecret {
  readonly version: number;
  readonly bytes: Buffer;
}

/** One scope; other commands take several, so that {@link namesInScope} finds one that is given twice. */
export const scopeOption = {
  scope: {
    type: 'string',
    requiresArg: true,
    describe: 'Environment, or environment/project',
  },
} as const;

const maxNames = 256;

/** @throws Failure for a name that can't be mounted, for one given twice, for too many */
export function namesInScope(names: readonly string[], scope: string | undefined): readonly NamedSecret[] {
  if (Array.isArray(scope)) throw usageFailure('--scope is given more than once');
  if (names.length > maxNames) throw usageFailure(`more than ${maxNames} secrets at once`);
  const prefix = scope === undefined || scope === '-' ? '' : `${scope.replace(/^\/+|\/+$/g, '')}/`;
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw usageFailure(`${repeated} is given more than once`);
  return names.map((name) => {
    if (!secretNamePattern.test(name))
      throw usageFailure(
        `"${name}" cannot be mounted: a name has letters, digits and underscores, at most 128`,
        name.includes('/') ? 'The part before the last slash is the scope: --scope production NAME' : undefined,
      );
    return { name, path: `${prefix}${name}` };
  });
}

/** The current version of each, or a Failure that names the first that can't be read. Each is a decision. */
export async function readSecrets(client: Client, secrets: readonly NamedSecret[]): Promise<OpenedSecret[]> {
  const opened: OpenedSecret[] = [];
  for (let from = 0; from < secrets.length; from += manyAtOnce.secrets) {
    const batch = secrets.slice(from, from + manyAtOnce.secrets);
    const paths = batch.map(({ path }) => path);
    const results = await readVersions(client, paths).catch((error: unknown) => {
      throw named(error, paths[0] as string);
    });
    for (const [i, result] of results.entries()) opened.push(await openedOf(client, batch[i] as NamedSecret, result));
  }
  return opened;
}

async function openedOf(client: Client, secret: NamedSecret, result: ReadVersion | RefusedError) {
  if (!(result instanceof RefusedError)) return opening(secret, result);
  if (result.code === 'answer_too_large') return readSecret(client, secret);
  throw named(result, secret.path);
}

export async function readSecret(client: Client, secret: NamedSecret): Promise<OpenedSecret> {
  const read = await readVersion(client, secret.path).catch((error: unknown) => {
    throw named(error, secret.path);
  });
  return opening(secret, read);
}

const opening = (secret: NamedSecret, { version, data }: ReadVersion): OpenedSecret => ({
  ...secret,
  version,
  bytes: secretBytes(data),
});

/** The number of the current version, without a value. */
export async function currentVersion(client: Client, { path }: NamedSecret): Promise<number> {
  return (await metadataOf(client, path)).currentVersion;
}

function named(error: unknown, path: string): unknown {
  if (!(error instanceof RefusedError)) return error;
  const { message, next, exitCode } = error;
  return new Failure(exitCode ?? exitCodes.unavailable, `${path}: ${message}`, next, { cause: error });
}
