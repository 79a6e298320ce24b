import { type Command, defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import { pathPositional } from './read-commands.js';
import { checkPathArgument } from './secret-input.js';
import { changeVersions, forgetSecret, parseVersions, type VersionChange } from './secrets-api.js';

const done: Readonly<Record<VersionChange, string>> = {
  delete: 'deleted; undelete brings it back',
  undelete: 'restored',
  destroy: 'destroyed for good',
};

function versionsOf(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const versions = parseVersions(text);
  if (!versions) throw usageFailure(`--versions "${text}" is no list such as 1,3-5`);
  return versions;
}

const versionsOption = { type: 'string', requiresArg: true, describe: 'Such as 1,3-5' } as const;

export const deleteSecret = defineCommand({
  command: 'delete <path>',
  describe: 'Delete the current version, or some; with --all the secret and its history, for good',
  options: (parser) =>
    parser
      .positional('path', pathPositional)
      .option('versions', versionsOption)
      .option('all', { type: 'boolean', default: false, describe: 'Everything, for good' })
      .option('yes', { type: 'boolean', default: false, describe: 'With --all: that is meant' }),
  run: async ({ path, versions, all, yes }, { output, client }) => {
    const at = checkPathArgument(path);
    if (all && versions !== undefined) throw usageFailure('either --all or --versions');
    if (all && !yes)
      throw usageFailure('--all cannot be undone: all versions of the secret are lost', 'Say --yes if that is meant');
    if (all) await forgetSecret(client(), at);
    else await changeVersions(client(), at, 'delete', versionsOf(versions));
    const what = all ? 'gone, with its history' : done.delete;
    if (output.isJson) output.json({ path: at, deleted: all ? 'all' : (versionsOf(versions) ?? 'current') });
    else output.line(`${at}: ${what}`);
    return undefined;
  },
});

const changing = (change: Exclude<VersionChange, 'delete'>, describe: string): Command =>
  defineCommand({
    command: `${change} <path>`,
    describe,
    options: (parser) =>
      parser.positional('path', pathPositional).option('versions', { ...versionsOption, demandOption: true }),
    run: async ({ path, versions }, { output, client }) => {
      const at = checkPathArgument(path);
      const numbers = versionsOf(versions);
      await changeVersions(client(), at, change, numbers);
      if (output.isJson) output.json({ path: at, [change]: numbers });
      else output.line(`${at}: ${numbers?.length === 1 ? 'version' : 'versions'} ${versions} ${done[change]}`);
      return undefined;
    },
  });

export const undeleteSecret = changing('undelete', 'Bring deleted versions back');
export const destroySecret = changing('destroy', 'Destroy versions for good: their values cannot be brought back');
