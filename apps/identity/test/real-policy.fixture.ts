import { fileURLToPath } from 'node:url';
import { superviseChild, waitFor } from '@gatehouse/testing';
import type { Stack } from './stack.fixture.js';

const program = fileURLToPath(new URL('../../../policy/dist/src/main.js', import.meta.url));

/** The other service itself, as a process on the same servers, in place of the stand-in: decisions are real ones. */
export async function startRealPolicy(stack: Stack): Promise<{ stop(): Promise<void> }> {
  await stack.policy.stop();
  const env = {
    ...stack.env(),
    DATABASE_URL: stack.postgres
      .urlOf(stack.database, 'gatehouse_policy')
      .replace('gatehouse_policy@', 'gatehouse_policy:request-1@'),
    DATABASE_SYSTEM_URL: stack.postgres
      .urlOf(stack.database, 'gatehouse_policy_system')
      .replace('gatehouse_policy_system@', 'gatehouse_policy_system:system-1@'),
    LOG_LEVEL: 'info',
  };
  const start = (command: string) =>
    superviseChild({ name: 'policy', command: process.execPath, args: [program, command], env, output: 'pipe' });
  const migration = await start('migrate');
  const { code } = await migration.exited;
  if (code !== 0) throw new Error('policy could not make its schema');
  const child = await start('serve');
  let log = '';
  child.stdout?.on('data', (chunk) => {
    log += String(chunk);
  });
  child.stderr?.resume();
  const address = await waitFor(() => /"address":"([^"]+)"/.exec(log)?.[1], { timeoutMs: 50_000 });
  await waitFor(async () => (await fetch(`${address}/readyz`)).ok, {
    timeoutMs: 50_000,
    message: () => log.slice(-500),
  });
  return { stop: async () => void (await child.stop()) };
}
