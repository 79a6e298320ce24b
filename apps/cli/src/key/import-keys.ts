import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { defineCommand } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import { readKeyFile } from './key-file.js';
import { keysPath } from './keys.js';

interface Imported {
  readonly name: string;
  readonly displayPrefix: string;
  readonly outcome: 'imported' | 'would_import' | 'unchanged' | 'refused';
  readonly code?: string;
  readonly warnings: readonly string[];
}

/** What identity takes at once. */
const batch = 200;

const words: Readonly<Record<Imported['outcome'], string>> = {
  imported: 'imported',
  would_import: 'would be imported',
  unchanged: 'is there already',
  refused: 'refused',
};

export const importKeys = defineCommand({
  command: 'import <file>',
  describe: "Take over the keys of Marie's configuration (auth.keys), each as it is",
  options: (parser) =>
    parser
      .positional('file', { type: 'string', demandOption: true, describe: 'YAML' })
      .option('dry-run', { type: 'boolean', default: false, describe: 'Only say what would happen' })
      .option('without-roles', { type: 'boolean', default: false, describe: 'Leave out the roles in the file' })
      .option('user-keys-as-mine', {
        type: 'boolean',
        default: false,
        describe: 'mau_ keys act as the caller; without it they are refused',
      })
      .example('$0 keys import marie.yml --dry-run', ''),
  run: async ({ file, ...flags }, { world, output, client }) => {
    const { 'dry-run': dryRun, 'user-keys-as-mine': userKeysAsMine } = flags;
    const keys = readKeyFile(readText(resolve(world.cwd, file)));
    const wanted = flags['without-roles'] ? keys.map((key) => ({ ...key, roles: [] })) : keys;
    const reports: Imported[] = [];
    for (let from = 0; from < wanted.length; from += batch) {
      const body = { keys: wanted.slice(from, from + batch), dryRun, userKeysAsMine };
      reports.push(...(await client().post<{ keys: Imported[] }>(`${keysPath}/import`, body)).keys);
    }
    if (output.isJson) output.json({ keys: reports });
    else output.table(['NAME', 'KEY', 'OUTCOME', 'NOTE'], reports.map(rowOf));
    return reports.some(({ outcome }) => outcome === 'refused') ? exitCodes.negative : undefined;
  },
});

const rowOf = ({ name, displayPrefix, outcome, code, warnings }: Imported): string[] => [
  name,
  `${displayPrefix}...`,
  words[outcome],
  [code, ...warnings].filter(Boolean).join(', '),
];

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure(exitCodes.usage, `${path} cannot be read (${code})`, undefined, { cause });
  }
}
