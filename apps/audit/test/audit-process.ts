import { fileURLToPath } from 'node:url';
import { freePort, type SupervisedChild, superviseChild, waitFor } from '@gatehouse/testing';
import type { AuditGround } from './audit-stack.js';

const main = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** Audit as its own process, to be killed. */
export class AuditProcess {
  private constructor(
    readonly child: SupervisedChild,
    readonly url: string,
  ) {}

  static async start(ground: AuditGround): Promise<AuditProcess> {
    const port = await freePort();
    const child = await superviseChild({
      name: 'audit',
      command: process.execPath,
      args: [main, 'serve'],
      env: { ...ground.env, SERVICE_PORT: String(port), PATH: process.env.PATH },
      output: process.env.TEST_LOG_LEVEL ? { file: '/tmp/audit-process.log' } : 'ignore',
    });
    return new AuditProcess(child, `http://127.0.0.1:${port}`);
  }

  ready(timeoutMs = 20_000): Promise<true> {
    return waitFor(async () => (await fetch(`${this.url}/readyz`)).status === 200, {
      timeoutMs,
      message: 'audit is ready',
    });
  }
}

/** Starts audit, and answers what it printed and how it ended. For a start that is refused. */
export async function runToEnd(ground: AuditGround): Promise<{ code: number | null; stderr: string }> {
  const child = await superviseChild({
    name: 'audit',
    command: process.execPath,
    args: [main, 'serve'],
    env: { ...ground.env, PATH: process.env.PATH },
    output: 'pipe',
  });
  let stderr = '';
  child.stderr?.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const { code } = await child.exited;
  await child.outputEnded;
  return { code, stderr };
}
