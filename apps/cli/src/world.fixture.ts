import { Readable, Writable } from 'node:stream';
import { run } from './run.js';
import type { World } from './world.js';

export interface Called {
  readonly exitCode: number;
  readonly out: string;
  /** What was written out, byte by byte. */
  readonly bytes: Buffer;
  readonly error: string;
}

/** Runs commands in a folder, with nothing of this process's settings, and keeps what they write. */
export const caller =
  (folder: string) =>
  async (argv: readonly string[], env: World['env'] = {}, given: Partial<World> = {}): Promise<Called> => {
    const written: Buffer[] = [];
    let error = '';
    const stdout = new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        written.push(Buffer.from(chunk));
        done();
      },
    });
    const stderr = new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        error += Buffer.from(chunk).toString('utf8');
        done();
      },
    });
    const world: World = {
      env,
      cwd: folder,
      home: folder,
      stdin: Readable.from([]),
      stdoutIsTerminal: false,
      stdout,
      stderr,
      writeOut: (content) => {
        written.push(Buffer.from(content));
      },
      writeError: (text) => {
        error += text;
      },
      ...given,
    };
    const exitCode = await run(argv, world);
    const bytes = Buffer.concat(written);
    return { exitCode, out: bytes.toString('utf8'), bytes, error };
  };
