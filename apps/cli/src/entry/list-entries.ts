import { defineCommand, type Tools } from '../command.js';
import { usageFailure } from '../failure.js';
import { formatReference } from '../reference.js';
import { type Entry, searchEntries, withFilters } from './filters.js';

const head = ['INDEX', 'TIME', 'ACTOR', 'TYPE', 'DECISION', 'ACTION', 'RESOURCE', 'ID'];
const maxLimit = 10_000;

export const listEntries = defineCommand({
  command: 'entries',
  describe: 'List entries of the ledger, newest first',
  options: (parser) =>
    withFilters(parser)
      .option('limit', { type: 'number', default: 20, requiresArg: true, describe: 'Most entries to show' })
      .example('$0 audit entries --actor service/ci --type decision.recorded', ''),
  run: async (flags, tools) => {
    const { limit } = flags;
    if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
      throw usageFailure(`--limit is a whole number from 1 to ${maxLimit}`);
    const entries = await searchEntries(tools.client(), flags, limit);
    if (tools.output.isJson) tools.output.json({ entries });
    else tools.output.table(head, entries.map(rowOf(tools)));
    return undefined;
  },
});

const rowOf =
  ({ output }: Tools) =>
  ({ index, occurredAt, subject, actor, type, decision, decisions, action, resource, id }: Entry): string[] => [
    String(index),
    output.time(occurredAt),
    formatReference(subject ?? actor),
    type,
    outcomeOf(decision, decisions),
    action ?? '',
    resource ?? '',
    id,
  ];

/** Of a batch how many are allowed, unless all are or none is. */
function outcomeOf(decision: boolean | undefined, decisions: Entry['decisions']): string {
  if (decision !== undefined) return decision ? 'allow' : 'deny';
  return decisions ? `${decisions.allowed}/${decisions.total} allow` : '';
}
