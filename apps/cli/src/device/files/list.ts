import type { FileEntry } from '@gatehouse/session';
import { defineCommand } from '../../command.js';
import { exitCodes, Failure } from '../../failure.js';
import { printable } from '../../output/table.js';
import { parsePlace } from './file-path.js';
import { type OpenedPlace, openPlace } from './open-side.js';

const head = ['MODE', 'OWNER', 'SIZE', 'MODIFIED', 'NAME'];
const letters = { file: '-', directory: 'd', symlink: 'l', other: '?' } as const;

/** @example modeText({ type: 'file', mode: 0o4755 }) // '-rwsr-xr-x' */
export function modeText({ type, mode }: Pick<FileEntry, 'type' | 'mode'>): string {
  const bits = [...'rwxrwxrwx'].map((letter, i) => ((mode >> (8 - i)) & 1 ? letter : '-'));
  const special: readonly [number, number, string][] = [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ];
  for (const [bit, at, letter] of special) if (mode & bit) bits[at] = bits[at] === 'x' ? letter : letter.toUpperCase();
  return `${letters[type]}${bits.join('')}`;
}

export const listFiles = defineCommand({
  command: 'ls <path>',
  describe: 'List a folder of a device: DEVICE:PATH',
  options: (parser) =>
    parser
      .positional('path', { type: 'string', demandOption: true, describe: 'DEVICE: alone is the home over there' })
      .option('names', { type: 'boolean', default: false, describe: 'Names alone, one a line' }),
  run: async ({ path, names }, tools) => {
    const opened = await openPlace(tools, parsePlace(path), 'read');
    try {
      const entries = await entriesAt(opened, path);
      const { output } = tools;
      if (output.isJson) output.json({ entries });
      else if (names) for (const { name } of entries) output.line(printable(name));
      else
        output.table(
          head,
          entries.map((entry) => rowOf(entry, (ms) => output.time(new Date(ms).toISOString()))),
        );
      return undefined;
    } finally {
      opened.side.close();
    }
  },
});

async function entriesAt({ side, path }: OpenedPlace, text: string): Promise<FileEntry[]> {
  const entry = await side.stat(path, true);
  if (!entry) throw new Failure(exitCodes.negative, `${text}: there is no such file`);
  if (entry.type !== 'directory') return [entry];
  const entries: FileEntry[] = [];
  for await (const each of side.list(path)) entries.push(each);
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const rowOf = (entry: FileEntry, time: (ms: number) => string): string[] => [
  modeText(entry),
  `${entry.uid}:${entry.gid}`,
  String(entry.size),
  time(entry.mtimeMs),
  entry.target === undefined ? entry.name : `${entry.name} -> ${entry.target}`,
];
