import type { Client } from '../../client.js';
import { type Command, defineCommand, type Tools } from '../../command.js';
import type { Entry } from '../../entry/filters.js';
import { usageFailure } from '../../failure.js';
import { formatReference } from '../../reference.js';
import { type Device, readDevice } from '../devices-api.js';
import { instantAt, parseWindow, type Window, windowOptions } from './window.js';

const maxEntries = 10_000;
const pageSize = 500;
const head = ['INDEX', 'TIME', 'WHO', 'TYPE', 'ACTION', 'DECISION'];

/** What the ledger holds on a device: the decisions about it, what became of it, and when it was connected. */
export const deviceAudit = (device: string): Command =>
  defineCommand({
    command: 'audit',
    describe: 'Show what the ledger holds on it, newest first',
    options: (parser) =>
      parser
        .options(windowOptions)
        .option('max', { type: 'number', default: 100, requiresArg: true, describe: 'Most entries to show' })
        .option('details', { type: 'boolean', default: false, describe: 'A sentence on each entry' }),
    run: async ({ since, until, max, details }, tools) => {
      if (!Number.isInteger(max) || max < 1 || max > maxEntries)
        throw usageFailure(`--max is a whole number from 1 to ${maxEntries}`);
      const window = parseWindow({ since, until }, Date.now());
      const client = tools.client();
      const entries = await entriesOf(client, await readDevice(client, device), window, max);
      const { output } = tools;
      if (output.isJson) output.json({ entries });
      else if (details) for (const entry of entries) tellEntry(tools, entry);
      else output.table(head, entries.map(rowOf(tools)));
      return undefined;
    },
  });

async function entriesOf(client: Client, { id }: Device, window: Window, max: number): Promise<Entry[]> {
  const times = { from: instantAt(window.sinceMs), to: instantAt(window.untilMs) };
  const searches = [{ resource: `device/${id}` }, { stream: `device:${id}` }, { stream: `tunnel:${id}` }];
  const found = await Promise.all(searches.map((search) => newest(client, { ...search, ...times }, max)));
  const byIndex = new Map(found.flat().map((entry) => [entry.index, entry]));
  return [...byIndex.values()].sort((a, b) => b.index - a.index).slice(0, max);
}

async function newest(client: Client, query: Record<string, string | undefined>, max: number): Promise<Entry[]> {
  const found: Entry[] = [];
  let cursor: string | undefined;
  do {
    const limit = Math.min(pageSize, max - found.length);
    type Page = { entries: Entry[]; nextCursor: string | null };
    const page: Page = await client.get<Page>('/api/v1/audit/entries', { ...query, limit, cursor });
    found.push(...page.entries);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && found.length < max);
  return found;
}

const rowOf =
  ({ output }: Tools) =>
  (entry: Entry): string[] => [
    String(entry.index),
    output.time(entry.occurredAt),
    formatReference(entry.subject ?? entry.actor),
    entry.type,
    entry.action ?? '',
    entry.decision === undefined ? '' : entry.decision ? 'allow' : 'deny',
  ];

function tellEntry({ output }: Tools, entry: Entry): void {
  output.facts([
    ['entry', `${entry.index} ${entry.type}`],
    ['time', output.time(entry.occurredAt)],
    ['who', formatReference(entry.subject ?? entry.actor)],
    ['what', entry.summary],
    ['id', entry.id],
  ]);
  output.line('');
}
