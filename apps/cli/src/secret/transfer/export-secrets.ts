import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Client } from '../../client.js';
import { defineCommand, type Tools } from '../../command.js';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { RefusedError } from '../../output/problem.js';
import { writePrivateFile } from '../../settings/private-file.js';
import { listAll, readVersion } from '../secrets-api.js';
import { type ExportedSecret, keyLines, sealForAge } from './age-file.js';

const batch = 8;

export const exportSecrets = defineCommand({
  command: 'export [prefix]',
  describe: 'Seal the secrets that you may read to age recipients; nothing is written in clear',
  options: (parser) =>
    parser
      .positional('prefix', { type: 'string', default: '', describe: 'Such as production; without it all' })
      .option('recipient', {
        type: 'string',
        array: true,
        nargs: 1,
        default: [] as string[],
        describe: 'age1... (repeatable)',
      })
      .option('recipients-file', { type: 'string', requiresArg: true, describe: 'One recipient a line' })
      .option('out', { type: 'string', requiresArg: true, demandOption: true, describe: 'File to write' })
      .option('armor', { type: 'boolean', default: false, describe: 'Write text instead of bytes' })
      .example('$0 secrets export production --recipient age1... --out production.age', ''),
  run: async ({ prefix, recipient, out, armor, ...flags }, tools) => {
    const { world, output } = tools;
    const recipients = [...recipient.map(String), ...fileLines(flags['recipients-file'], tools)];
    if (recipients.length === 0) throw usageFailure('say for whom: --recipient age1..., or --recipients-file FILE');
    // Wrong recipients are found before anything is read: a read is on record.
    const options = { exportedAt: new Date().toISOString(), armored: armor };
    await sealForAge([], recipients, options);
    const folder = prefix.replace(/^\/+|\/+$/g, '');
    const client = tools.client();
    const { secrets, left } = await readAll(client, folder, await listAll(client, folder, true));
    for (const { path, why } of left) output.note(`${path} is left out: ${why}`);
    if (secrets.length === 0) throw new Failure(exitCodes.negative, 'there is nothing to export');
    writePrivateFile(resolve(world.cwd, out), await sealForAge(secrets, recipients, options));
    if (output.isJson) output.json({ file: out, secrets: secrets.length, left });
    else output.line(`${secrets.length} secrets are sealed in ${out} for ${recipients.length} recipients`);
    return undefined;
  },
});

function fileLines(file: string | undefined, { world }: Tools): string[] {
  if (file === undefined) return [];
  try {
    return keyLines(readFileSync(resolve(world.cwd, file), 'utf8'));
  } catch (cause) {
    throw usageFailure(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  }
}

interface Read {
  readonly secrets: ExportedSecret[];
  readonly left: { readonly path: string; readonly why: string }[];
}

async function readAll(client: Client, folder: string, keys: readonly string[]): Promise<Read> {
  const paths = keys.filter((key) => !key.endsWith('/')).map((key) => (folder === '' ? key : `${folder}/${key}`));
  const found: Read = { secrets: [], left: [] };
  for (let from = 0; from < paths.length; from += batch)
    await Promise.all(paths.slice(from, from + batch).map((path) => readOne(client, path, found)));
  found.secrets.sort((a, b) => (a.path < b.path ? -1 : 1));
  return found;
}

/** What may not be read, or has no value any more, is left out and named. */
async function readOne(client: Client, path: string, found: Read): Promise<void> {
  try {
    const { version, data, createdAt, customMetadata } = await readVersion(client, path);
    found.secrets.push({ path, version, createdAt, data, ...(customMetadata && { customMetadata }) });
  } catch (error) {
    if (!(error instanceof RefusedError) || (error.status !== 403 && error.status !== 404)) throw error;
    found.left.push({ path, why: error.status === 403 ? 'you may not read it' : 'it has no value' });
  }
}
