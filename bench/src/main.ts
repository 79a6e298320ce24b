import yargs from 'yargs';
import { machine, printTable, type Row } from './report.js';
import { type Stack, startStack } from './stack.js';
import { cedarPolicies } from './suites/cedar.js';
import { decisions } from './suites/decisions.js';
import { evaluator } from './suites/evaluator.js';
import { facts } from './suites/facts.js';
import { keyCheck } from './suites/key-check.js';
import { logins } from './suites/logins.js';
import { peers } from './suites/peers.js';
import { rebuild } from './suites/rebuild.js';
import { cuts } from './suites/relay/cuts.js';
import { relay } from './suites/relay/relay.js';
import { tunnels } from './suites/relay/tunnels.js';
import { replay } from './suites/replay.js';
import { revocation } from './suites/revocation.js';
import { store } from './suites/store.js';
import { tokens } from './suites/tokens.js';
import { vault } from './suites/vault.js';

const suites = [
  'store',
  'rebuild',
  'key-check',
  'revocation',
  'decisions',
  'facts',
  'tokens',
  'logins',
  'cedar',
  'peers',
  'evaluator',
  'replay',
  'vault',
  'relay',
  'tunnels',
  'cuts',
] as const;

const flags = await yargs(process.argv.slice(2))
  .scriptName('npm run bench --')
  .option('suite', { choices: suites, array: true, default: [...suites], describe: 'What to measure' })
  .option('seconds', { type: 'number', default: 5, describe: 'Length of one measurement' })
  .option('soak', { type: 'number', default: 60, describe: 'Seconds of steady load with the ledger watched' })
  .option('trials', { type: 'number', default: 200, describe: 'Keys that are revoked' })
  .option('events', { type: 'number', default: 200_000, describe: 'Events of the rebuild' })
  .option('replayed', { type: 'number', default: 100_000, describe: 'Decisions that are replayed' })
  .option('facts', { type: 'number', default: 1_000_000, describe: 'Facts that policy starts with' })
  .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
  .strict()
  .parseAsync();

const onStack = async (
  suite: (stack: Stack) => Promise<readonly Row[]>,
  services?: string,
): Promise<readonly Row[]> => {
  const stack = await startStack(services);
  try {
    return await suite(stack);
  } finally {
    await stack.stop();
  }
};

const run: Record<(typeof suites)[number], () => Promise<readonly Row[]>> = {
  store,
  rebuild: () => rebuild(flags.events),
  evaluator,
  facts: () => facts(flags.facts),
  'key-check': keyCheck,
  revocation: () => onStack((stack) => revocation(stack, flags.trials)),
  decisions: () => onStack((stack) => decisions(stack, flags.seconds, flags.soak)),
  logins: () => onStack((stack) => logins(stack, flags.seconds)),
  cedar: cedarPolicies,
  peers: () => onStack((stack) => peers(stack, flags.seconds), 'identity,policy'),
  replay: () => onStack((stack) => replay(stack, flags.replayed), 'identity,policy'),
  vault: () => onStack((stack) => vault(stack, flags.seconds), 'identity,policy,vault'),
  relay: () => onStack((stack) => relay(stack, flags.seconds), 'identity,policy,relay'),
  tunnels: () => onStack(tunnels, 'identity,policy,relay'),
  cuts: () => onStack((stack) => cuts(stack, Math.min(flags.trials, 100)), 'identity,policy,relay'),
  tokens: () => onStack((stack) => tokens(stack, flags.seconds)),
};

const results: Record<string, readonly Row[]> = {};
if (!flags.json) process.stdout.write(`${JSON.stringify(machine())}\n`);
for (const name of flags.suite) {
  results[name] = await run[name]();
  if (!flags.json) printTable(name, results[name]);
}
if (flags.json) process.stdout.write(`${JSON.stringify({ machine: machine(), results }, null, 2)}\n`);
process.exit(0);
