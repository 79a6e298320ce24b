import { resolve } from 'node:path';
import { verifyProofFile } from '@gatehouse/merkle';
import { defineCommand, type Tools } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { RefusedError } from '../output/problem.js';
import { pause } from '../reference.js';
import { writePrivateFile } from '../settings/private-file.js';
import { type FilterFlags, filterOptions, searchEntries, withFilters } from './filters.js';
import { keptLedgerKeys } from './ledger-key.js';

const maxProofs = 500;
/** The ledger is a second or two behind; longer than this, something is wrong with it. */
const waitMs = 30_000;
const askEveryMs = 500;

export const proveEntries = defineCommand({
  command: 'proof [index..]',
  describe: 'Fetch a file that proves entries, for `audit verify`',
  options: (parser) =>
    withFilters(parser)
      .positional('index', { type: 'number', array: true, describe: 'Indexes of entries' })
      .option('last', { type: 'number', requiresArg: true, describe: 'Instead: the newest N entries that match' })
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'File to write' })
      .example('$0 audit proof --actor service/ci --last 2 --out proof.txt', ''),
  run: async (flags, tools) => {
    const indexes = flags.index ?? [];
    const isFiltered = Object.keys(filterOptions).some((name) => flags[name as keyof FilterFlags] !== undefined);
    const { id, last = id === undefined ? undefined : 1 } = flags;
    requireChoice(indexes, last, isFiltered);
    const keys = await keptLedgerKeys(tools);
    const wanted = last === undefined ? indexes : await newest(tools, flags, last);
    const file = await covered(tools, wanted);
    const verdict = verifyProofFile(file, keys);
    if (!verdict.ok) throw doesNotHold(tools, verdict.problems[0]?.reason);
    const path = resolve(tools.world.cwd, flags.out);
    writePrivateFile(path, file.toString('utf8'));
    report(
      tools,
      path,
      verdict.entries.map(({ index }) => index),
      verdict.entries[0]?.size ?? 0,
    );
    return undefined;
  },
});

function requireChoice(indexes: readonly number[], last: number | undefined, isFiltered: boolean): void {
  if (indexes.some((index) => !Number.isSafeInteger(index) || index < 0))
    throw usageFailure('an index is a whole number, as `gatehouse audit entries` shows it');
  if (indexes.length > 0 === (last !== undefined) || (indexes.length > 0 && isFiltered))
    throw usageFailure('give either indexes, or --last N with what to search by');
  if (last !== undefined && !(Number.isInteger(last) && last >= 1 && last <= maxProofs))
    throw usageFailure(`--last is a whole number from 1 to ${maxProofs}`);
  if (indexes.length > maxProofs) throw usageFailure(`one file proves at most ${maxProofs} entries`);
}

/** Waits a little for entries that are still on their way into the ledger; fewer than asked for will do in the end. */
async function newest(tools: Tools, flags: FilterFlags, last: number): Promise<number[]> {
  const settledAtMs = Date.now() + waitMs / 10;
  for (;;) {
    const found = await searchEntries(tools.client(), flags, last);
    if (found.length >= last || Date.now() >= settledAtMs) {
      if (found.length > 0) return found.map(({ index }) => index);
      throw new Failure(exitCodes.negative, 'no entry matches', 'gatehouse audit entries shows what there is');
    }
    await pause(askEveryMs);
  }
}

/** Waits until a checkpoint covers the entries. */
async function covered(tools: Tools, indexes: readonly number[]): Promise<Buffer> {
  const giveUpAtMs = Date.now() + waitMs;
  for (;;) {
    try {
      return await tools.client().bytes('/api/v1/audit/proofs', { indexes: indexes.join(',') });
    } catch (error) {
      const isEarly = error instanceof RefusedError && error.code === 'not_yet_covered';
      if (!isEarly || Date.now() >= giveUpAtMs) throw error;
      await pause(askEveryMs);
    }
  }
}

function doesNotHold(tools: Tools, reason = ''): Failure {
  const { value } = tools.settings().ledgerKey;
  return new Failure(
    exitCodes.negative,
    `the proof does not hold with the public key in ${value}: ${reason}`,
    'Nothing was written. If this address is of another Gatehouse than before, use another GATEHOUSE_CONFIG_DIR',
  );
}

function report({ output }: Tools, path: string, indexes: readonly number[], size: number): void {
  if (output.isJson) output.json({ file: path, indexes, size });
  else
    output.line(`${path}: ${indexes.length} proven (index ${indexes.join(', ')}) under a checkpoint of size ${size}`);
}
