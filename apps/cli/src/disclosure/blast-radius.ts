import { defineCommand } from '../command.js';
import type { Output } from '../output/output.js';
import { suspectOptions, suspectQuery } from './suspect.js';

interface Radius {
  readonly secrets: readonly {
    readonly path: string;
    readonly version: number;
    readonly state: 'current' | 'earlier' | 'gone';
    readonly reads: number;
    readonly firstAt: string;
    readonly lastAt: string;
  }[];
  readonly toRotate: number;
  readonly refusals: number;
  readonly more: boolean;
}

export const blastRadius = defineCommand({
  command: 'blast-radius <identity>',
  describe: 'What an identity was given, and what of it still opens doors',
  options: (parser) =>
    parser
      .positional('identity', { type: 'string', demandOption: true, describe: 'Whose, type/id: service/ci' })
      .options(suspectOptions)
      .example('$0 secrets blast-radius service/ci --since 2026-11-01T00:00:00Z', ''),
  run: async (flags, { client, output }) => {
    const radius = await client().get<Radius>('/api/v1/vault/blast-radius', suspectQuery(flags.identity, flags));
    if (output.isJson) output.json(radius);
    else show(output, flags.identity, radius);
    return undefined;
  },
});

const stateWords = { current: 'in use', earlier: 'replaced', gone: 'deleted' } as const;

function show(output: Output, identity: string, { secrets, toRotate, refusals, more }: Radius): void {
  output.table(
    ['SECRET', 'VERSION', 'IS', 'READS', 'FIRST', 'LAST'],
    secrets.map(({ path, version, state, reads, firstAt, lastAt }) => [
      path,
      String(version),
      state === 'current' ? output.bad(stateWords[state]) : stateWords[state],
      String(reads),
      output.time(firstAt),
      output.time(lastAt),
    ]),
  );
  output.line(`\n${identity} knows ${toRotate} secrets in use, and was refused ${refusals} times.`);
  if (more) output.note('There are more than are shown: ask for a shorter time.');
  if (toRotate > 0) output.note(`Replace what can be made anew:   gatehouse secrets rotate --read-by ${identity}`);
}
