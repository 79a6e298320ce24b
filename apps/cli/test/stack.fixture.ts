import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@gatehouse/testing';
import { expect } from '@jest/globals';

export const root = fileURLToPath(new URL('../../../../', import.meta.url));
const program = join(root, 'apps/cli/bin/gatehouse.mjs');

/** What `npm start` does after compiling: a spec runs what is compiled already. */
const startStack = `
  const { main } = await import(${JSON.stringify(join(root, 'tools/up/dist/main.js'))});
  await main(process.argv.slice(1), { repository: ${JSON.stringify(root)}, startedAtMs: 0 });
  process.exit();`;

export interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly error: string;
}

/** The whole product as `npm start` runs it, in a folder of its own, and the real program beside it. */
export class Stack {
  readonly folder: string;
  readonly data: string;
  readonly #remove: () => void;
  #up: ChildProcess | undefined;

  constructor(name: string) {
    const { path, remove } = tempDir(name);
    this.folder = path;
    this.data = join(path, '.gatehouse');
    this.#remove = remove;
  }

  async start(): Promise<void> {
    // Below the ports that the system hands out by itself, and away from those of the other specs.
    const base = 10_000 + (process.pid % 170) * 40;
    const flags = ['--data', this.data, '--port', `${base + 39}`, '--port-base', `${base}`, '--json', '--yes'];
    const args = ['--input-type=module', '-e', startStack, '--', ...flags];
    const up = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#up = up;
    const lines = createInterface({ input: up.stdout });
    await new Promise<void>((resolve, reject) => {
      lines.on('line', (line) => line.includes('"event":"ready"') && resolve());
      up.once('exit', (code) => reject(new Error(`the stack ended with ${code}`)));
    });
  }

  async stop(): Promise<void> {
    if (!this.#up || this.#up.exitCode !== null || this.#up.signalCode !== null) return;
    const gone = once(this.#up, 'exit');
    this.#up.kill('SIGTERM');
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop();
    this.#remove();
  }

  /** In the folder above the stack's, as somebody in a second terminal; nothing of this process's own settings. */
  call(args: readonly string[], env: NodeJS.ProcessEnv = {}, input = ''): Promise<Ended> {
    const options = { cwd: this.folder, env: { PATH: process.env.PATH, HOME: join(this.folder, 'home'), ...env } };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [program, ...args], options, (error, out, text) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), out, error: text }),
      );
      child.stdin?.end(input);
    });
  }

  /** The answer of a command that must succeed. */
  async ran(args: readonly string[]): Promise<string> {
    const { exitCode, out, error } = await this.call(args);
    expect({ args, exitCode, error: exitCode === 0 ? '' : error }).toEqual({ args, exitCode: 0, error: '' });
    return out;
  }
}
