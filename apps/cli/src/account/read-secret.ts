import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { usageFailure } from '../failure.js';
import type { World } from '../world.js';

/** Asks for one secret. */
export type SecretReader = (prompt: string) => Promise<string>;

const maxLength = 4_096;

/** From a terminal without showing what is typed; from anything else line by line, in the order of the questions. */
export function secretReader({ stdin, writeError }: World): SecretReader {
  const isTerminal = (stdin as ReadStream).isTTY === true;
  let lines: AsyncIterator<string> | undefined;
  return async (prompt) => {
    if (isTerminal) return askTerminal(stdin as ReadStream, prompt, writeError);
    lines ??= createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done) throw usageFailure(`the standard input ends before an answer to "${prompt.replace(/: $/, '')}"`);
    return bounded(value);
  };
}

function askTerminal(stdin: ReadStream, prompt: string, writeError: (text: string) => void): Promise<string> {
  writeError(prompt);
  // `terminal` reads keys itself and would show them on `output`: this one shows nothing.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal: Interface = createInterface({ input: stdin, output, terminal: true });
  return new Promise((resolve, reject) => {
    terminal.once('SIGINT', () => reject(usageFailure('interrupted')));
    terminal.once('line', (line) => resolve(bounded(line)));
  }).finally(() => {
    terminal.close();
    writeError('\n');
  }) as Promise<string>;
}

function bounded(text: string): string {
  if (text.length > maxLength) throw usageFailure('the answer is longer than any secret');
  return text;
}
