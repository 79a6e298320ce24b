import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../child-program.js';
import { type Command, defineCommand, type EndCode, type Tools } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { printable } from '../../output/table.js';
import type { World } from '../../world.js';
import { listenStream } from '../forward/listen.js';

const target = 'unix:/var/run/docker.sock';
/** What would lead docker elsewhere, or is none of its business. */
const withheld = /^(DOCKER_(HOST|CONTEXT|TLS|TLS_VERIFY|CERT_PATH)|GATEHOUSE_API_KEY|M87_API_KEY)$/;

export const dockerEnvironment = (env: World['env'], socket: string): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(env).filter(([name]) => !withheld.test(name))),
  DOCKER_HOST: `unix://${socket}`,
});

/** The docker of this machine, talking to the one of the device. */
export const deviceDocker = (device: string): Command =>
  defineCommand({
    command: 'docker',
    describe: 'Run docker here against the device: docker ps -a',
    run: async ({ '--': args }, tools) => {
      if (!args || args.length === 0) throw usageFailure('say what docker is to do', 'gatehouse DEVICE docker ps -a');
      const folder = mkdtempSync(join(tmpdir(), 'gatehouse-docker-'));
      try {
        return await runDocker(tools, device, args.map(String), join(folder, 'docker.sock'));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  });

async function runDocker(tools: Tools, device: string, args: readonly string[], socket: string): Promise<EndCode> {
  const listening = await listenStream(
    { local: { path: socket }, target, protocol: 'unix' },
    {
      dial: tools.dial(device),
      targets: [target],
      bind: '',
      failed: ({ message }) => tools.output.note(`gatehouse: ${printable(message)}`),
    },
  );
  try {
    return await runProgram('docker', args, dockerEnvironment(tools.world.env, socket));
  } finally {
    listening.close();
  }
}
