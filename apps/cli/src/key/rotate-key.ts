import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import { parseDuration } from '../output/time.js';
import { findKey, type Key, keysPath } from './keys.js';

const weekSeconds = 604_800;

/** @example overlapOf('12h') // 43200 */
export function overlapOf(text: string): number {
  const seconds = text === '0' ? 0 : (parseDuration(text) ?? Number.NaN) / 1_000;
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= weekSeconds) return seconds;
  throw usageFailure(`--overlap "${text}" is no duration from 0 to 7d, such as 24h`);
}

export const rotateKey = defineCommand({
  command: 'rotate <key>',
  describe: 'Give a key another text, by name or id; it is shown once, and the old one works on for a while',
  options: (parser) =>
    parser
      .positional('key', { type: 'string', demandOption: true })
      .option('overlap', {
        type: 'string',
        default: '24h',
        requiresArg: true,
        describe: 'How long the old text goes on working, up to 7d; 0 ends it at once',
      })
      .example('$0 keys rotate ci --overlap 12h', ''),
  run: async ({ key, overlap }, { output, client }) => {
    const overlapSeconds = overlapOf(overlap);
    const caller = client();
    const { keyId } = await findKey(caller, key);
    const made = await caller.post<Key & { key: string }>(`${keysPath}/${keyId}/rotate`, { overlapSeconds });
    // First of all: whatever fails from here on, the key must not be lost.
    if (output.isJson) output.json(made);
    else output.line(made.key);
    output.note(
      `${made.name} (${made.keyId}): the old text ${overlapSeconds === 0 ? 'works no more' : `works until ${output.time(made.previousValidUntil)}`}.\n` +
        'This is the only time the new one is shown: keep it now.',
    );
    return undefined;
  },
});
