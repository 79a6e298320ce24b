import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import type { Output } from '../output/output.js';
import { parseDuration } from '../output/time.js';
import { pathPositional } from './read-commands.js';
import { checkPathArgument } from './secret-input.js';
import { type MetadataChange, metadataOf, patchMetadata, type SecretMetadata } from './secrets-api.js';

const texts = { type: 'string', array: true, nargs: 1, default: [] as string[] } as const;

export const secretMetadata = defineCommand({
  command: 'metadata <path>',
  describe:
    'What is known of a secret beside its values; with flags, change it. It is not secret: keep values out of it',
  options: (parser) =>
    parser
      .positional('path', pathPositional)
      .option('set', { ...texts, describe: 'name=text, kept with the secret in the clear (repeatable)' })
      .option('unset', { ...texts, describe: 'Name of a text to remove (repeatable)' })
      .option('max-versions', { type: 'number', requiresArg: true, describe: 'Versions that are kept; 0: the usual' })
      .option('cas-required', { type: 'boolean', describe: 'Writers must name the version they have seen' })
      .option('delete-version-after', {
        type: 'string',
        requiresArg: true,
        describe: 'Versions expire: 90d; 0: never',
      }),
  run: async ({ path, set, unset, ...flags }, { output, client }) => {
    const at = checkPathArgument(path);
    const change: MetadataChange = {
      ...customOf(set.map(String), unset.map(String)),
      ...(flags['max-versions'] !== undefined && { maxVersions: flags['max-versions'] }),
      ...(flags['cas-required'] !== undefined && { casRequired: flags['cas-required'] }),
      ...expiryOf(flags['delete-version-after']),
    };
    const isChange = Object.keys(change).length > 0;
    const metadata = isChange ? await patchMetadata(client(), at, change) : await metadataOf(client(), at);
    if (output.isJson) output.json(metadata);
    else output.facts(factsOf(metadata, output));
    return undefined;
  },
});

function customOf(set: readonly string[], unset: readonly string[]): Pick<MetadataChange, 'customMetadata'> {
  const added = set.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw usageFailure('--set is name=text');
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const entries = [...added, ...unset.map((name): [string, null] => [name, null])];
  return entries.length === 0 ? {} : { customMetadata: Object.fromEntries(entries) };
}

function expiryOf(text: string | undefined): Pick<MetadataChange, 'deleteVersionAfterSeconds'> {
  if (text === undefined) return {};
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms === undefined) throw usageFailure(`--delete-version-after "${text}" is no duration such as 90d, and not 0`);
  return { deleteVersionAfterSeconds: ms / 1_000 };
}

const factsOf = (metadata: SecretMetadata, output: Output): [string, string | undefined][] => [
  ['path', metadata.path],
  ['reference', metadata.reference ?? undefined],
  ['current version', String(metadata.currentVersion)],
  ['oldest version', String(metadata.oldestVersion)],
  ['created', output.time(metadata.createdAt)],
  ['updated', output.time(metadata.updatedAt)],
  ['versions kept', metadata.maxVersions === 0 ? 'as usual' : String(metadata.maxVersions)],
  ['writers name the version', metadata.casRequired ? 'yes' : 'no'],
  ['versions expire', metadata.deleteVersionAfterSeconds ? `${metadata.deleteVersionAfterSeconds} s after` : 'never'],
  ...Object.entries(metadata.customMetadata ?? {}).map(([name, text]): [string, string] => [`metadata ${name}`, text]),
];
