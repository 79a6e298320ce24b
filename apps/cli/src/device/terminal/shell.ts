import type { OpenMessage } from '@gatehouse/session';
import { type Command, defineCommand, type Tools } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { printable } from '../../output/table.js';
import type { World } from '../../world.js';
import { attach, type LocalSide, sizeOf } from './attach.js';

type Environment = Record<string, string>;
const passedOn = /^(LANG|LC_[A-Z]+|TZ|COLORTERM)$/;

/** Of this environment what a terminal over there needs to show the same: nothing else leaves this machine. */
export const sharedEnvironment = (env: World['env']): Environment =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      passedOn.test(name) && value !== undefined && value.length <= 256 ? [[name, value]] : [],
    ),
  );

export const terminalOf = (
  local: LocalSide,
  env: World['env'],
): Extract<OpenMessage, { kind: 'shell' }>['terminal'] => ({
  term: /^[A-Za-z0-9._+-]{1,64}$/.test(env.TERM ?? '') ? (env.TERM as string) : 'xterm',
  ...sizeOf(local.stdout),
});

export const localSide = ({ world }: Tools): LocalSide => ({
  stdin: world.stdin,
  stdout: world.stdout,
  stderr: world.stderr,
  signals: process,
  note: (text) => world.writeError(`${printable(text)}\n`),
});

export const deviceShell = (device: string): Command =>
  defineCommand({
    command: 'shell',
    describe: 'Open a login shell; Enter ~ . ends it when nothing answers any more',
    run: async (_flags, tools) => {
      const local = localSide(tools);
      if (local.stdin.isTTY !== true)
        throw usageFailure('a shell needs a terminal', 'gatehouse DEVICE exec -i -- PROGRAM runs one without');
      const terminal = terminalOf(local, tools.world.env);
      const open: OpenMessage = { kind: 'shell', terminal, environment: sharedEnvironment(tools.world.env) };
      const stream = await tools.dial(device)({ kind: 'shell' }, open);
      return attach(stream, local, { stdin: true, isTerminal: true });
    },
  });
