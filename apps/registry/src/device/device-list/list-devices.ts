import { asTenant } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Asker, Permission } from '../../permission.js';
import { type SeenRow, selectSeen } from '../device-rows.js';
import { deviceView } from '../device-view.js';

export interface DeviceFilter {
  /** All of them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly group?: string | undefined;
  readonly status?: 'online' | 'offline' | undefined;
  readonly search?: string | undefined;
}

export interface DevicePage {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Decisions of one page for who may not read every device: each of them is recorded. */
const maxScanned = 400;
const askedAtOnce = 25;

/** The next devices by name that the caller may read. */
export async function listDevices(
  { pool, permission }: { readonly pool: pg.Pool; readonly permission: Permission },
  asker: Asker,
  filter: DeviceFilter,
  { limit, cursor }: DevicePage,
) {
  let after = readCursor(cursor);
  const readsAll = await permission.holdsEverywhere(asker, 'device.read');
  const found: SeenRow[] = [];
  for (let scanned = 0; ; ) {
    const size = readsAll ? limit : askedAtOnce;
    const rows = await page(pool, asker.caller.tenantId, filter, after, size + 1);
    const taken = rows.slice(0, Math.min(size, limit - found.length));
    const readable = readsAll ? taken : await readableOf(permission, asker, taken);
    found.push(...readable);
    scanned += taken.length;
    const last = taken.at(-1);
    const isMore = rows.length > taken.length;
    if (last) after = [String(last.name).toLowerCase(), last.deviceId];
    if (!isMore || found.length >= limit || scanned >= maxScanned)
      return { devices: found.map(deviceView), nextCursor: isMore ? writeCursor(after) : null };
  }
}

async function readableOf(permission: Permission, asker: Asker, rows: readonly SeenRow[]): Promise<readonly SeenRow[]> {
  const answers = await Promise.all(rows.map(({ deviceId }) => permission.ask(asker, 'device.read', deviceId)));
  return rows.filter((_row, i) => answers[i]?.allowed === true);
}

type After = readonly [name: string, deviceId: string];
const nil = '00000000-0000-0000-0000-000000000000';

const page = (pool: pg.Pool, tenantId: string, filter: DeviceFilter, [name, deviceId]: After, size: number) =>
  asTenant(pool, tenantId, (client) =>
    selectSeen(
      client,
      `d.tenant_id = $1 and d.status = 'approved' and d.labels @> $2::jsonb
       and ($3::text is null or $3 = any(d.groups))
       and ($4::text is null or coalesce(p.status, 'offline') = $4)
       and ($5::text is null or strpos(lower(d.name), lower($5)) > 0 or strpos(lower(d.hostname), lower($5)) > 0)
       and (lower(d.name) collate "C", d.device_id) > ($6, $7::uuid)
       order by lower(d.name) collate "C", d.device_id limit $8`,
      [
        ...[tenantId, JSON.stringify(filter.labels), filter.group ?? null, filter.status ?? null],
        ...[filter.search ?? null, name, deviceId, size],
      ],
    ),
  );

const cursorPattern = /^([a-z0-9._-]{1,63})!([0-9a-f-]{36})$/;
const writeCursor = ([name, deviceId]: After): string => `${name}!${deviceId}`;

function readCursor(cursor: string | undefined): After {
  if (cursor === undefined) return ['', nil];
  const [, name, deviceId] = cursorPattern.exec(cursor) ?? [];
  if (name !== undefined && deviceId !== undefined) return [name, deviceId];
  throw new ProblemError('validation_failed', undefined, {
    errors: [{ path: 'query.cursor', message: 'is none of ours' }],
  });
}
