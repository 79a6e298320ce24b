import { runProgram } from '../../child-program.js';
import { defineCommand } from '../../command.js';
import { usageFailure } from '../../failure.js';
import { namesInScope, readSecrets, scopeOption } from '../read-secrets.js';
import { childEnvironment, parseWanted } from './child-environment.js';

export const runWithSecrets = defineCommand({
  command: 'run',
  describe: 'Run a program with secrets in its environment: run --secret NAME -- PROGRAM ...',
  options: (parser) =>
    parser
      .option('secret', {
        type: 'string',
        array: true,
        nargs: 1,
        demandOption: true,
        describe: 'NAME, or NAME=VARIABLE to have it under another name (repeatable)',
      })
      .options(scopeOption)
      .option('keep-credentials', {
        type: 'boolean',
        default: false,
        describe: 'Leave GATEHOUSE_API_KEY in the environment of the program',
      })
      .example('$0 run --scope production --secret DATABASE_URL -- node server.js', ''),
  run: async ({ secret, scope, 'keep-credentials': keep, '--': command }, tools) => {
    const [program, ...args] = (command ?? []).map(String);
    if (program === undefined) throw usageFailure('say which program: gatehouse run --secret NAME -- PROGRAM ...');
    const wanted = parseWanted(secret.map(String));
    const names = [...new Set(wanted.map(({ name }) => name))];
    const opened = await readSecrets(tools.client(), namesInScope(names, scope));
    const bytesOf = (name: string) => opened.find((one) => one.name === name)?.bytes ?? Buffer.alloc(0);
    const values = wanted.map(({ name, variable }) => ({ variable, bytes: bytesOf(name) }));
    return runProgram(program, args, childEnvironment(tools.world.env, values, keep));
  },
});
