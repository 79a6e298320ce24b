import { defineCommand, type Tools } from '../command.js';
import { exitCodes, usageFailure } from '../failure.js';
import { instantOf } from '../instant.js';
import { parseDuration } from '../output/time.js';
import { findVersion } from './policy-api.js';
import { readSoundPolicy } from './policy-file.js';
import { printReplay, type Replay, simulated } from './simulations.js';

const failures = ['newly-allowed', 'newly-denied', 'any'] as const;
const defaultSpan = '7d';

export const simulatePolicy = defineCommand({
  command: 'simulate',
  describe: 'Replay recorded decisions under a candidate policy, with the facts as they were',
  options: (parser) =>
    parser
      .option('candidate', {
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'A policy file; - is stdin',
      })
      .option('from', { type: 'string', requiresArg: true, describe: `First moment; ${defaultSpan} ago if absent` })
      .option('to', { type: 'string', requiresArg: true, describe: 'First moment no longer counted; now if absent' })
      .option('examples', {
        type: 'number',
        requiresArg: true,
        default: 10,
        describe: 'How many of each side, at most 50',
      })
      .option('fail-on', { choices: failures, describe: 'Exit with 1 if there is such a difference' })
      .example('$0 policy simulate --candidate policy.yaml --fail-on newly-denied', ''),
  run: async (flags, tools) => {
    const { output } = tools;
    const { candidate, from, to, examples, 'fail-on': failOn } = flags;
    if (!(examples >= 0 && examples <= 50)) throw usageFailure('--examples is a number up to 50');
    const body = {
      candidate: await candidateOf(candidate, tools),
      from: from === undefined ? ago(defaultSpan) : instantOf('--from', from),
      // The service's clock says when now is.
      ...(to !== undefined && { to: instantOf('--to', to) }),
    };
    const replay = await simulated<Replay>('simulations', body, tools);
    if (output.isJson) output.json(replay);
    else printReplay(replay, examples, output);
    return isFailure(replay, failOn) ? exitCodes.negative : exitCodes.ok;
  },
});

async function candidateOf(candidate: string, tools: Tools): Promise<unknown> {
  if (candidate === 'active') return candidate;
  if (candidate.startsWith('sha256:')) return { digest: await findVersion(tools.client(), candidate) };
  const { text, format } = await readSoundPolicy(candidate, tools);
  return { text, ...(format && { format }) };
}

const ago = (duration: string): string => new Date(Date.now() - (parseDuration(duration) ?? 0)).toISOString();

function isFailure({ newlyAllowed, newlyDenied }: Replay, failOn: (typeof failures)[number] | undefined): boolean {
  const counted = {
    'newly-allowed': newlyAllowed.total,
    'newly-denied': newlyDenied.total,
    any: newlyAllowed.total + newlyDenied.total,
  };
  return failOn !== undefined && counted[failOn] > 0;
}
