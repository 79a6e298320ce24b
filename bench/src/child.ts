import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Child {
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/**
 * Starts a Node program and resolves with the first line of its output that `isReady` accepts.
 *
 * @param options signal: ends it, whether it was ready or not. env: beside ours
 */
export async function startChild(
  args: readonly string[],
  isReady: (line: string) => boolean,
  { signal, env = {} }: { readonly signal?: AbortSignal; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Child & { readonly line: string }> {
  const child = spawn(process.execPath, [...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const kill = () => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  const ended = once(child, 'exit');
  child.once('exit', () => signal?.removeEventListener('abort', kill));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.on('line', (text) => isReady(text) && resolve(text));
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code} before it was ready`)));
  });
  return { process: child, stop, line };
}
