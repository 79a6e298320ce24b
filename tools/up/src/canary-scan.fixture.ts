import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type pg from 'pg';

/** One way in which a canary may be written down. */
interface Needle {
  readonly canary: string;
  readonly form: string;
  readonly bytes: Buffer;
}

/** Where a canary was found: nothing of what stands around it, since that is what must not be shown. */
export interface Finding {
  readonly canary: string;
  readonly form: string;
  readonly where: string;
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();

/** What stays the same of base64 of a text, whatever stands before and after it. */
function base64Core(text: string, alignment: number): string {
  const before = Buffer.alloc(alignment);
  const whole = Buffer.concat([before, Buffer.from(text)]);
  const from = Math.ceil((alignment * 8) / 6);
  return whole.toString('base64').slice(from, Math.floor((whole.length * 8) / 6));
}

const forms: Readonly<Record<string, (text: string) => readonly (string | Buffer)[]>> = {
  utf8: (text) => [text],
  utf16le: (text) => [Buffer.from(text, 'utf16le')],
  utf16be: (text) => [Buffer.from(text, 'utf16le').swap16()],
  hex: (text) => [Buffer.from(text).toString('hex'), Buffer.from(text).toString('hex').toUpperCase()],
  base64: (text) => [0, 1, 2].map((alignment) => base64Core(text, alignment)),
  base64url: (text) => [0, 1, 2].map((n) => base64Core(text, n).replaceAll('+', '-').replaceAll('/', '_')),
  url: (text) => [encodeURIComponent(text), [...Buffer.from(text)].map((n) => `%${n.toString(16)}`).join('')],
};

/** Every form of every canary, in the letter cases that software makes of a text. */
export function needlesOf(canaries: readonly string[]): readonly Needle[] {
  const found = new Map<string, Needle>();
  for (const canary of canaries)
    for (const text of unique([canary, canary.toLowerCase(), canary.toUpperCase(), capitalised(canary)]))
      for (const [form, write] of Object.entries(forms))
        for (const written of write(text)) {
          const bytes = Buffer.from(written);
          found.set(bytes.toString('hex'), { canary, form, bytes });
        }
  return [...found.values()];
}

export function scanBytes(needles: readonly Needle[], where: string, bytes: Buffer): readonly Finding[] {
  return needles.filter((needle) => bytes.includes(needle.bytes)).map(({ canary, form }) => ({ canary, form, where }));
}

/** Every file below a folder, names included. */
export function scanFolder(needles: readonly Needle[], folder: string): { files: number; findings: Finding[] } {
  const findings: Finding[] = [];
  let files = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    findings.push(...scanBytes(needles, `name of ${path}`, Buffer.from(path.slice(folder.length))));
    if (!entry.isFile()) continue;
    const bytes = readOrNothing(path);
    if (bytes) files++;
    findings.push(...scanBytes(needles, path, bytes ?? Buffer.alloc(0)));
  }
  return { files, findings };
}

/** A database at work removes files. */
function readOrNothing(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Every row of every table of every schema, and what the server keeps on the side, as the superuser sees them. */
export async function scanDatabase(needles: readonly Needle[], client: pg.Client) {
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const all = [...tables.map(({ name }) => name), 'pg_catalog.pg_stats', 'pg_catalog.pg_stat_activity'];
  const findings: Finding[] = [];
  let rows = 0;
  for (const table of all) {
    const { rows: texts } = await client.query<{ row: string }>(`select t::text as row from ${table} t`);
    rows += texts.length;
    const text = Buffer.from(texts.map(({ row }) => row).join('\n'));
    findings.push(...scanBytes(needles, `table ${table}`, text));
  }
  return { tables: all.length, rows, findings };
}

/** Every message of every JetStream stream, with subject and headers. */
export async function scanStreams(needles: readonly Needle[], nc: NatsConnection) {
  const manager = await jetstreamManager(nc);
  const findings: Finding[] = [];
  let messages = 0;
  for await (const { config, state } of manager.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(config.name, { seq });
      if (!message) continue;
      messages++;
      const bytes = Buffer.concat([Buffer.from(`${message.subject}\n${message.header}\n`), message.data]);
      findings.push(...scanBytes(needles, `stream ${config.name} ${seq}`, bytes));
    }
  }
  return { messages, findings };
}
