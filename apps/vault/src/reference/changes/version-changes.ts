import { type Envelope, formatPosition, parsePosition, type SecretVersionWritten } from '@gatehouse/contracts';
import { asTenant, Doorbell, notifyChannel, type Wake } from '@gatehouse/event-store';
import { SharedBound } from '@gatehouse/fair-share';
import { unavailable } from '@gatehouse/http';
import type pg from 'pg';

/** A version that was written: no value, and nothing of it. */
export interface VersionChange {
  readonly path: string;
  readonly version: number;
  readonly writtenAt: string;
}

export interface ChangePage {
  readonly changes: readonly VersionChange[];
  /** Where to go on. */
  readonly position: string;
}

const pageSize = 256;
/** Waits at once in one process; a tenant that fills them is refused alone. Each holds one connection of its caller, and none of the database while it waits. */
const maxWaiting = 512;
/** A lost wake-up costs this much. */
const lookEveryMs = 2_000;

/** Versions written for some secrets, as they are written. */
export class VersionChanges {
  readonly #waiting = new SharedBound(maxWaiting);

  constructor(
    private readonly pool: pg.Pool,
    private readonly wake: Wake,
  ) {}

  /**
   * What was written behind `after`, in the order of the log, as soon as there is anything, at the latest after `waitMs`.
   * Without `after`: where the log stands now.
   *
   * @param secrets path by stream
   * @throws ProblemError `unavailable` when too many wait already; RangeError for a text that is no position
   */
  async after(
    tenantId: string,
    secrets: ReadonlyMap<string, string>,
    after: string | undefined,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<ChangePage> {
    const first = await this.#page(tenantId, secrets, after);
    if (after === undefined || first.changes.length > 0 || waitMs === 0) return first;
    const place = { group: tenantId, count: 1 };
    if (!this.#waiting.enter(place)) throw unavailable('too many are waiting for changes', 5);
    const bell = new Doorbell();
    const silence = this.wake.listen((channel) => channel === notifyChannel('vault') && bell.ring());
    try {
      return await this.#until(Date.now() + waitMs, bell, signal, () => this.#page(tenantId, secrets, after));
    } finally {
      silence();
      this.#waiting.leave(place);
    }
  }

  async #until(deadline: number, bell: Doorbell, signal: AbortSignal, look: () => Promise<ChangePage>) {
    for (;;) {
      const page = await look();
      const leftMs = deadline - Date.now();
      if (page.changes.length > 0 || leftMs <= 0 || signal.aborted) return page;
      await bell.wait(Math.min(leftMs, lookEveryMs), signal);
    }
  }

  /** Up to the oldest transaction that still runs: nothing can appear behind the position that is told. */
  async #page(tenantId: string, secrets: ReadonlyMap<string, string>, after: string | undefined): Promise<ChangePage> {
    const from = after === undefined ? undefined : parsePosition(after);
    return asTenant(this.pool, tenantId, async (client) => {
      const { rows: horizon } = await client.query<{ tx: string }>(
        'select pg_snapshot_xmin(pg_current_snapshot())::text as tx',
      );
      const until = { tx: BigInt(horizon[0]?.tx ?? '1') - 1n, seq: 2n ** 63n - 1n };
      if (from === undefined) return { changes: [], position: formatPosition(until) };
      const { rows } = await client.query<{ tx: string; seq: string; stream_id: string; envelope: string }>(
        `select tx::text, seq::text, stream_id, envelope from events
         where tenant_id = $1 and stream_id = any($2::text[]) and type = 'secret.version_written'
           and (tx, seq) > ($3::xid8, $4::bigint) and tx <= $5::xid8 order by tx, seq limit $6`,
        [tenantId, [...secrets.keys()], String(from.tx), String(from.seq), String(until.tx), pageSize],
      );
      const last = rows.at(-1);
      const isMore = rows.length === pageSize && last !== undefined;
      const position = isMore ? `${last.tx}.${last.seq}` : formatPosition(from.tx > until.tx ? from : until);
      return { changes: rows.map((row) => changeOf(row.envelope, secrets.get(row.stream_id) ?? '')), position };
    });
  }
}

function changeOf(text: string, path: string): VersionChange {
  const { data, occurredAt } = JSON.parse(text) as Envelope;
  return { path, version: (data as unknown as SecretVersionWritten).version, writtenAt: occurredAt };
}
