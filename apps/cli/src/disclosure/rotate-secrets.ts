import { defineCommand } from '../command.js';
import { exitCodes } from '../failure.js';
import type { Output } from '../output/output.js';
import { suspectOptions, suspectQuery } from './suspect.js';

interface Rotations {
  readonly secrets: readonly {
    readonly path: string;
    readonly outcome: 'rotated' | 'would_rotate' | 'needs_value' | 'refused' | 'changed_meanwhile';
    readonly version: number;
  }[];
  readonly more: boolean;
}

export const rotateSecrets = defineCommand({
  command: 'rotate',
  describe: 'Replace the secrets that an identity was given and that are still in use',
  options: (parser) =>
    parser
      .option('read-by', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Whose, type/id: service/ci',
      })
      .options(suspectOptions)
      .option('dry-run', { type: 'boolean', default: false, describe: 'Only say what would be replaced' })
      .example('$0 secrets rotate --read-by service/ci --since 2026-11-01T00:00:00Z', ''),
  run: async (flags, { client, output }) => {
    const done = await client().post<Rotations>('/api/v1/vault/rotations', {
      ...suspectQuery(flags['read-by'], flags),
      dry_run: flags['dry-run'],
    });
    if (output.isJson) output.json(done);
    else show(output, done);
    const isDone = done.secrets.every(({ outcome }) => outcome === 'rotated' || outcome === 'would_rotate');
    return isDone && !done.more ? exitCodes.ok : exitCodes.negative;
  },
});

const outcomeWords = {
  rotated: 'replaced',
  would_rotate: 'would be replaced',
  needs_value: 'needs a new value',
  refused: 'you may not write it',
  changed_meanwhile: 'was replaced by somebody else',
} as const;

function show(output: Output, { secrets, more }: Rotations): void {
  output.table(
    ['SECRET', 'VERSION', 'OUTCOME'],
    secrets.map(({ path, version, outcome }) => [path, String(version), outcomeWords[outcome]]),
  );
  if (more) output.note('There is more: run it again.');
  const [manual] = secrets.filter(({ outcome }) => outcome === 'needs_value');
  if (manual)
    output.note(
      `Only you know how those are made: gatehouse secrets put ${manual.path}\n` +
        'Where a random text will do, say so once: gatehouse secrets metadata PATH --set rotate=value',
    );
}
