import { defineCommand } from '../command.js';
import { usageFailure } from '../failure.js';
import { privacyPath } from './jobs.js';

interface Kept {
  readonly kind: string;
  readonly days: number;
  readonly defaultDays: number;
}

export const retention = defineCommand({
  command: 'retention',
  describe: 'How long each kind of data is kept; with --kind and --days, change it',
  options: (parser) =>
    parser
      .option('kind', { type: 'string', requiresArg: true, describe: 'Kind of data' })
      .option('days', { type: 'number', requiresArg: true, describe: 'Days to keep it' }),
  run: async ({ kind, days }, { client, output }) => {
    if ((kind === undefined) !== (days === undefined))
      throw usageFailure('give --kind and --days together, or neither');
    const path = `${privacyPath}/retention`;
    if (kind !== undefined) await client().put(`${path}/${encodeURIComponent(kind)}`, { days });
    const { retention: kept } = await client().get<{ retention: Kept[] }>(path);
    if (output.isJson) output.json(kept);
    else
      output.table(
        ['KIND', 'DAYS', 'DEFAULT'],
        kept.map((each) => [each.kind, String(each.days), String(each.defaultDays)]),
      );
    return undefined;
  },
});
