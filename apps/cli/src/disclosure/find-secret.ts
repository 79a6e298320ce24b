import type { Readable } from 'node:stream';
import { defineCommand } from '../command.js';
import { exitCodes, usageFailure } from '../failure.js';
import type { Output } from '../output/output.js';
import { formatReference, type Reference } from '../reference.js';

interface Found {
  readonly found: boolean;
  readonly matches: readonly {
    readonly path: string;
    readonly version: number;
    readonly state: 'current' | 'earlier' | 'gone';
    readonly writtenAt: string | null;
    readonly readers: readonly {
      readonly subject: Reference;
      readonly reads: number;
      readonly firstAt: string;
      readonly lastAt: string;
      readonly holds: boolean;
    }[];
  }[];
  readonly more: boolean;
}

const maxBytes = 65_536;

export const findSecret = defineCommand({
  command: 'find',
  describe:
    'Say whether a string was ever a secret: of which name and version, and who read it; read from the standard input',
  options: (parser) => parser.example('$0 secrets find < leaked.txt', ''),
  run: async (_flags, { client, output, world }) => {
    const found = await client().post<Found>('/api/v1/vault/find', { text: await readText(world.stdin) });
    if (output.isJson) output.json(found);
    else show(output, found);
    return found.found ? exitCodes.ok : exitCodes.negative;
  },
});

/** Never an argument, where every process of the machine could read it. */
async function readText(input: Readable): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (Buffer.byteLength(text) > maxBytes)
      throw usageFailure(`the standard input holds more than ${maxBytes} bytes`, 'give it the leaked string alone');
  }
  if (text.trim() === '') throw usageFailure('the standard input is empty', 'give it the leaked string');
  return text;
}

const stateWords = { current: 'in use', earlier: 'replaced', gone: 'deleted' } as const;

function show(output: Output, { matches, more }: Found): void {
  if (matches.length === 0) {
    output.line('This was never a secret of this tenant.');
    return;
  }
  output.table(
    ['SECRET', 'VERSION', 'IS', 'WRITTEN', 'READERS'],
    matches.map(({ path, version, state, writtenAt, readers }) => [
      path,
      String(version),
      state === 'current' ? output.bad(stateWords[state]) : stateWords[state],
      output.time(writtenAt ?? undefined),
      String(readers.length),
    ]),
  );
  if (more) output.note('There are more places than are shown.');
  for (const { path, version, readers } of matches.filter((match) => match.readers.length > 0)) {
    output.line(`\nWho was given version ${version} of ${path}, the last first:`);
    output.table(
      ['WHO', 'READS', 'FIRST', 'LAST', 'STILL HOLDS IT'],
      readers.map(({ subject, reads, firstAt, lastAt, holds }) => [
        formatReference(subject),
        String(reads),
        output.time(firstAt),
        output.time(lastAt),
        holds ? 'yes' : 'has a later one',
      ]),
    );
  }
  const [first] = matches.filter(({ state }) => state === 'current');
  if (first) output.note(`Replace it now:   gatehouse secrets put ${first.path}`);
}
