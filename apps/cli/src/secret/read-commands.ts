import { resolve } from 'node:path';
import { secretBytes } from '@gatehouse/sdk';
import { defineCommand, type Tools } from '../command.js';
import { usageFailure } from '../failure.js';
import { printable } from '../output/table.js';
import { writePrivateFile } from '../settings/private-file.js';
import { checkPathArgument, type SecretData } from './secret-input.js';
import { listAll, metadataOf, type ReadVersion, readVersion, versionRows, type WrittenVersion } from './secrets-api.js';

export const pathPositional = {
  type: 'string',
  demandOption: true,
  describe: 'Such as production/DATABASE_URL',
} as const;

export const listSecrets = defineCommand({
  command: 'list [prefix]',
  describe: 'Names of secrets; a name that ends in / is a folder',
  options: (parser) =>
    parser
      .positional('prefix', { type: 'string', default: '', describe: 'Such as production' })
      .option('recursive', { alias: 'r', type: 'boolean', default: false, describe: 'Also what is in folders' })
      .example('$0 secrets list production', ''),
  run: async ({ prefix, recursive }, { output, client }) => {
    const keys = await listAll(client(), prefix.replace(/^\/+|\/+$/g, ''), recursive);
    if (output.isJson) output.json({ keys });
    else for (const key of keys) output.line(printable(key));
    if (keys.length === 0) output.note(`There is no secret${prefix === '' ? '' : ` below ${prefix}`}.`);
    return undefined;
  },
});

export const getSecret = defineCommand({
  command: 'get <path>',
  describe: 'Print the value of a secret: its exact bytes, or with --json the whole version',
  options: (parser) =>
    parser
      .positional('path', pathPositional)
      .option('version', { type: 'number', requiresArg: true, describe: 'Not the current one' })
      .option('field', { type: 'string', requiresArg: true, describe: 'One member of it' })
      .option('out', { type: 'string', requiresArg: true, describe: 'Write it to a file that only you can read' })
      .example('$0 secrets get production/DATABASE_URL --out url.txt', ''),
  run: async ({ path, version, field, out }, tools) => {
    const { output, world } = tools;
    const read = await readVersion(tools.client(), checkPathArgument(path), version);
    const bytes = field === undefined ? secretBytes(read.data) : memberOf(read.data, field);
    if (out !== undefined) {
      writePrivateFile(resolve(world.cwd, out), bytes);
      output.note(`version ${read.version} of ${read.path} is in ${out}`);
    } else if (output.isJson)
      output.json(field === undefined ? read : { ...read, data: { [field]: read.data[field] } });
    else print(bytes, read, tools);
    return undefined;
  },
});

/** A program gets the bytes; a terminal text that it can't act on, with the end of its line. */
function print(bytes: Buffer, { path, version }: ReadVersion, { world, output }: Tools): void {
  if (!world.stdoutIsTerminal) {
    world.writeOut(bytes);
    return;
  }
  for (const line of bytes
    .toString('utf8')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/))
    output.line(printable(line));
  output.note(`(version ${version} of ${path})`);
}

/** A text as it is, anything else as JSON. */
function memberOf(data: SecretData, field: string): Buffer {
  if (!Object.hasOwn(data, field))
    throw usageFailure(`there is no member ${field}`, `There are: ${Object.keys(data).join(', ') || 'none'}`);
  const value = data[field];
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value), 'utf8');
}

export const listVersions = defineCommand({
  command: 'versions <path>',
  describe: 'The versions of a secret, without values',
  options: (parser) => parser.positional('path', pathPositional),
  run: async ({ path }, { output, client }) => {
    const metadata = await metadataOf(client(), checkPathArgument(path));
    if (output.isJson) output.json(metadata);
    else output.table(['VERSION', 'STATE', 'WRITTEN', 'BY', 'DELETED', 'EXPIRES'], versionRows(metadata, output));
    return undefined;
  },
});

/** What is told of a version that was just written. */
export function tellWritten({ output }: Tools, written: WrittenVersion): void {
  if (output.isJson) output.json(written);
  else output.line(`${written.path} is at version ${written.version}`);
  for (const warning of written.warnings ?? []) output.note(`warning: ${warning}`);
}
