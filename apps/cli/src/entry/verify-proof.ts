import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { MAX_PROOF_FILE_BYTES, type ProofProblem, type ProvenEntry, verifyProofFile } from '@gatehouse/merkle';
import { defineCommand, type Tools } from '../command.js';
import { type ExitCode, exitCodes, usageFailure } from '../failure.js';
import { printable } from '../output/table.js';
import { describeEntry, parseEvent } from './describe-entry.js';
import { knownLedgerKeys } from './ledger-key.js';

export const verifyProof = defineCommand({
  command: 'verify <file>',
  describe: 'Verify a proof file offline: only the file and the public key of the ledger',
  options: (parser) =>
    parser
      .positional('file', { type: 'string', demandOption: true })
      .option('key', {
        type: 'string',
        requiresArg: true,
        describe: 'Public key of the ledger: a file, or the key itself',
      })
      .example('$0 audit verify proof.txt', ''),
  run: ({ file, key }, tools) => {
    const keys = knownLedgerKeys(key, tools);
    const verdict = verifyProofFile(readProofFile(resolve(tools.world.cwd, file)), keys);
    return verdict.ok ? proven(tools, verdict.origin, verdict.entries) : refused(tools, verdict.problems);
  },
});

function readProofFile(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > MAX_PROOF_FILE_BYTES) throw usageFailure(`${path} is larger than any proof file`);
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === undefined ? error : usageFailure(`${path} cannot be read (${code})`);
  }
}

function proven({ output }: Tools, origin: string, entries: readonly ProvenEntry[]): ExitCode {
  const told = entries.map(({ index, size, entry }) => ({
    index,
    size,
    ...describeEntry(entry),
    event: parseEvent(entry),
  }));
  if (output.isJson) {
    output.json({ ok: true, origin, entries: told });
    return exitCodes.ok;
  }
  const rows = told.map(({ index, occurredAt, what }) => [String(index), output.time(occurredAt), what]);
  output.table(['INDEX', 'TIME', 'ENTRY'], rows);
  const sizes = [...new Set(entries.map(({ size }) => size))].join(', ');
  const count = entries.length === 1 ? '1 entry is' : `${entries.length} entries are`;
  output.line(output.good(`verified: ${count} in the ledger ${printable(origin)} (signed at size ${sizes})`));
  return exitCodes.ok;
}

function refused({ output }: Tools, problems: readonly ProofProblem[]): ExitCode {
  if (output.isJson) output.json({ ok: false, problems });
  else {
    for (const problem of problems) output.line(inWords(problem));
    output.line(output.bad('NOT VERIFIED: do not rely on this file'));
  }
  return exitCodes.negative;
}

/** Which entry: its index as the file claims it, and its place in the file, which no change can hide. */
function inWords({ ordinal, index, reason }: ProofProblem): string {
  if (ordinal === 0) return `the whole file: ${reason}`;
  const entry = index === undefined ? 'an entry without a readable index' : `entry ${index}`;
  return `${entry} (proof ${ordinal} of the file): ${reason}`;
}
