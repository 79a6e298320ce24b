import { defineCommand } from '../command.js';
import { formatReference, type Reference } from '../reference.js';

interface Page {
  readonly disclosures: readonly {
    readonly path: string;
    readonly version: number;
    readonly subject: Reference;
    readonly credential: string | null;
    readonly decision: 'allowed' | 'denied';
    readonly reason: string;
    readonly occurredAt: string;
  }[];
  readonly nextCursor: string | null;
}

const maxLimit = 200;

export const listReaders = defineCommand({
  command: 'readers [path]',
  describe: 'Who asked for which version of which secret, the last first, and whether it was given',
  options: (parser) =>
    parser
      .positional('path', { type: 'string', describe: 'Of this secret only' })
      .option('decision', { choices: ['allowed', 'denied'], describe: 'Only these' })
      .option('limit', { type: 'number', default: 50, describe: `At most this many, up to ${maxLimit}` })
      .option('cursor', { type: 'string', requiresArg: true, describe: 'Where the page before ended' }),
  run: async ({ path, decision, limit, cursor }, { client, output }) => {
    const page = await client().get<Page>('/api/v1/vault/disclosures', { path, decision, limit, cursor });
    if (output.isJson) {
      output.json(page);
      return undefined;
    }
    output.table(
      ['TIME', 'WHO', 'SECRET', 'VERSION', 'DECISION', 'REASON'],
      page.disclosures.map((row) => [
        output.time(row.occurredAt),
        formatReference(row.subject),
        row.path,
        row.version === 0 ? '' : String(row.version),
        row.decision === 'denied' ? output.bad('denied') : 'allowed',
        row.reason,
      ]),
    );
    if (page.nextCursor) output.note(`There is more: --cursor ${page.nextCursor}`);
    return undefined;
  },
});
