import { commandHash, type OpenMessage } from '@gatehouse/session';
import { type Command, defineCommand } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { attach } from './attach.js';
import { localSide, sharedEnvironment, terminalOf } from './shell.js';

/**
 * One word is a line for the login shell, as with ssh; several are a program and its arguments, which no shell reads.
 * `--shell` joins several with blanks for the login shell, as m87 always does.
 */
export function commandOf(words: readonly string[], isShell: boolean): string | string[] {
  const [first, ...rest] = words;
  if (first === undefined) throw usageFailure('say which program: gatehouse DEVICE exec -- PROGRAM ...');
  if (rest.length === 0 || isShell) return words.join(' ');
  return [...words];
}

export const deviceExec = (device: string): Command =>
  defineCommand({
    command: 'exec',
    describe: 'Run a program: exec [-i] [-t] -- PROGRAM ...; its exit code is the code of this call',
    options: (parser) =>
      parser
        .option('interactive', { type: 'boolean', alias: 'i', default: false, describe: 'Standard input goes there' })
        .option('tty', { type: 'boolean', alias: 't', default: false, describe: 'It runs in a terminal' })
        .option('shell', { type: 'boolean', default: false, describe: 'The words are one line for the login shell' })
        .example('$0 exec -- printenv HOME', '')
        .example("$0 exec 'df -h | tail -1'", 'one word is a line for the login shell')
        .example('tar c . | $0 exec -i -- tar x -C site', ''),
    run: async ({ interactive, tty, shell, '--': words }, tools) => {
      const command = commandOf((words ?? []).map(String), shell);
      const local = localSide(tools);
      if (tty && interactive && local.stdin.isTTY !== true)
        throw usageFailure('-t with -i needs a terminal here', 'Without -t bytes go through as they are');
      const open: OpenMessage = {
        kind: 'exec',
        command,
        stdin: interactive,
        environment: sharedEnvironment(tools.world.env),
        ...(tty && { terminal: terminalOf(local, tools.world.env) }),
      };
      const scope = { kind: 'exec', commandHash: commandHash(command) } as const;
      const stream = await tools.dial(device)(scope, open, { command });
      return attach(stream, local, { stdin: interactive, isTerminal: tty });
    },
  });
