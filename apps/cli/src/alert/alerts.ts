import { defineCommand } from '../command.js';
import { formatReference, type Reference } from '../reference.js';

interface Alert {
  readonly alertId: string;
  readonly kind: string;
  readonly title: string;
  readonly subject: Reference;
  readonly status: string;
  readonly count: number;
  readonly place?: string;
  readonly raisedAt: string;
  readonly acknowledgedBy?: string;
}

export const alertsPath = '/api/v1/identity/alerts';

export const listAlerts = defineCommand({
  command: 'list',
  describe: 'List alerts, newest first',
  options: (parser) =>
    parser
      .option('open', { type: 'boolean', default: false, describe: 'Only incidents that go on' })
      .option('unseen', { type: 'boolean', default: false, describe: 'Only those nobody acknowledged' })
      .option('kind', { type: 'string', requiresArg: true, describe: 'Only those of one kind, such as new_network' })
      .option('limit', { type: 'number', requiresArg: true, default: 50, describe: 'How many, at most 200' }),
  run: async ({ open, unseen, kind, limit }, { client, output }) => {
    const query = { limit, kind, status: open ? 'open' : undefined, acknowledged: unseen ? 'false' : undefined };
    const page = await client().get<{ alerts: Alert[]; nextCursor: string | null }>(alertsPath, query);
    if (output.isJson) output.json(page);
    else
      output.table(
        ['RAISED', 'KIND', 'ABOUT', 'COUNT', 'STATUS', 'PLACE', 'SEEN BY', 'ID'],
        page.alerts.map((alert) => [
          output.time(alert.raisedAt),
          alert.kind,
          formatReference(alert.subject),
          String(alert.count),
          alert.status,
          alert.place ?? '',
          alert.acknowledgedBy ?? '',
          alert.alertId,
        ]),
      );
    if (page.nextCursor !== null) output.note(`There are more: --limit takes up to 200`);
    return undefined;
  },
});

export const acknowledgeAlert = defineCommand({
  command: 'ack <alert>',
  describe: 'Say that an alert was seen, by its id',
  options: (parser) => parser.positional('alert', { type: 'string', demandOption: true }),
  run: async ({ alert }, { client, output }) => {
    const seen = await client().post<Alert>(`${alertsPath}/${encodeURIComponent(alert)}/acknowledge`);
    if (output.isJson) output.json(seen);
    else output.line(`${seen.title}, ${formatReference(seen.subject)}: seen by ${seen.acknowledgedBy ?? ''}`);
    return undefined;
  },
});
