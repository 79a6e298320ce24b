import type { SignInFailed } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import type { PostgresEventStore } from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import { failedSignIns } from '../../alert/detect/findings.js';
import type { Observations } from '../../observation/observations.service.js';
import type { Person } from '../../person/people.service.js';

/** At most one event a person and reason in so long, however many tries it tells of. */
export const windowMs = 60_000;
const pageSize = 100;

interface Row {
  readonly subject: string;
  readonly reason: SignInFailed['reason'];
  readonly tenant_id: string;
  readonly user_id: string | null;
  readonly count: number;
  readonly first_at: Date;
  readonly last_at: Date;
}

/**
 * Failed sign-ins are events, so that alerts and the person hear of them, but not one each: whoever guesses a million
 * times writes one line a minute into the ledger, which says so. Tries that name nobody are told to the operator.
 */
export class SignInFailures {
  readonly #system: pg.Pool;
  readonly #store: PostgresEventStore;
  readonly #operatorTenant: string;
  readonly #observations: Observations;

  constructor(system: pg.Pool, store: PostgresEventStore, operatorTenant: string, observations: Observations) {
    this.#system = system;
    this.#store = store;
    this.#operatorTenant = operatorTenant;
    this.#observations = observations;
  }

  async count(person: Person | undefined, reason: SignInFailed['reason'], now: number): Promise<void> {
    await this.#system.query(
      `insert into sign_in_failures as f (subject, reason, tenant_id, user_id, count, first_at, last_at)
       values ($1, $2, $3, $4, 1, $5, $5)
       on conflict (subject, reason) do update set count = f.count + 1, last_at = excluded.last_at`,
      [
        person?.userId ?? 'unknown',
        reason,
        person?.homeTenantId ?? this.#operatorTenant,
        person?.userId ?? null,
        new Date(now),
      ],
    );
  }

  /** Writes the events of windows that are over. Answers how many. */
  async tell(now: number): Promise<number> {
    const { rows } = await this.#system.query<Row>('select * from sign_in_failures where first_at <= $1 limit $2', [
      new Date(now - windowMs),
      pageSize,
    ]);
    for (const row of rows) await this.#tellOne(row, now);
    return rows.length;
  }

  async #tellOne({ subject, reason, tenant_id: tenantId, user_id, count, first_at, last_at }: Row, now: number) {
    const eventId = uuidv7(now);
    const data: SignInFailed = {
      ...(user_id !== null && { userId: user_id }),
      reason,
      count,
      firstAt: first_at.toISOString(),
      lastAt: last_at.toISOString(),
    };
    // Before the event: told twice after a crash it counts once, and not told it would count never.
    if (user_id !== null) await this.#observations.take(failedSignIns(tenantId, user_id, data));
    // COMMIT POINT: the event. A crash before the row is gone does not tell twice: the command's id is the window's.
    await this.#store.append(`sign-in:${eventId}`, [{ id: eventId, type: 'sign_in.failed', version: 1, data }], {
      expectedRevision: 0,
      commandId: `sign_in.failed:${subject}:${reason}:${first_at.getTime()}`,
      context: {
        tenantId,
        actor: { type: 'gatehouse', id: 'sign-in' },
        now,
        correlationId: newTraceContext().traceId,
      },
    });
    // Tries that came in between stay, as the first of the next window.
    await this.#system.query(
      `update sign_in_failures set count = count - $3, first_at = $4 where subject = $1 and reason = $2`,
      [subject, reason, count, new Date(now)],
    );
    await this.#system.query('delete from sign_in_failures where subject = $1 and reason = $2 and count <= 0', [
      subject,
      reason,
    ]);
  }
}
