import { asTenant } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { type SeenRow, selectSeen } from './device-rows.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const approved = `d.tenant_id = $1 and d.status = 'approved'`;
const maxTold = 20;

/** Looks up devices of one tenant. */
export class Devices {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * The approved device of this id, name, or host name.
   *
   * @throws ProblemError `not_found`; `name_ambiguous`, with the ids, when several hosts are called so
   */
  async find(tenantId: string, idOrName: string): Promise<SeenRow> {
    const lookups = uuid.test(idOrName)
      ? ['d.device_id = $2::uuid']
      : ['lower(d.name) = lower($2)', 'lower(d.hostname) = lower($2)'];
    for (const lookup of lookups) {
      const found = await this.select(tenantId, `${lookup} limit ${maxTold}`, [idOrName]);
      const [first, second] = found;
      if (second)
        throw new ProblemError('name_ambiguous', undefined, { members: { ids: found.map((row) => row.deviceId) } });
      if (first) return first;
    }
    throw new ProblemError('not_found', 'There is no such device');
  }

  /** Approved devices that satisfy a condition whose values follow the tenant. */
  select(tenantId: string, where: string, values: readonly unknown[]): Promise<readonly SeenRow[]> {
    return asTenant(this.pool, tenantId, (client) =>
      selectSeen(client, `${approved} and ${where}`, [tenantId, ...values]),
    );
  }

  /** What a device told of itself with its last heartbeat. */
  async systemOf({ tenantId, deviceId }: Pick<SeenRow, 'tenantId' | 'deviceId'>): Promise<object | null> {
    const { rows } = await asTenant(this.pool, tenantId, (client) =>
      client.query<{ system: object }>('select system from device_reports where tenant_id = $1 and device_id = $2', [
        ...[tenantId, deviceId],
      ]),
    );
    return rows[0]?.system ?? null;
  }
}
