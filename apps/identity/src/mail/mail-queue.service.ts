import type { SealedField } from '@gatehouse/contracts';
import { pause } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import { gauge } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { SubjectKeys } from '../user/subject-keys.service.js';
import { dayMs, type Failure, judge, type Letter, type Transport } from './letter.js';

const pageSize = 20;
const lookMs = 1_000;
const tidyMs = 60_000;
const keptMs = 7 * dayMs;

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly subject: string;
  readonly letter: SealedField;
  readonly created_at: Date;
  readonly tries: number;
}

/** Sends what waits, one replica at a time. Without a transport letters wait, for a week. */
export class MailQueue {
  readonly #platform: Platform;
  readonly #pool: pg.Pool;
  readonly #subjectKeys: SubjectKeys;
  readonly #transport: Transport | undefined;
  #counts = { waiting: 0, parked: 0 };
  #loop: { stop: () => Promise<void> } | undefined;
  #removeGauges: (() => void)[] = [];

  constructor(platform: Platform, subjectKeys: SubjectKeys, transport: Transport | undefined) {
    this.#platform = platform;
    this.#pool = platform.database.system;
    this.#subjectKeys = subjectKeys;
    this.#transport = transport;
  }

  start(): void {
    const { logger } = this.#platform;
    if (!this.#transport) logger.warn('neither SMTP_URL nor MAIL_FOLDER is set: letters wait and are not sent');
    this.#removeGauges = [
      gauge('identity_letters_waiting', 'Letters that are still to be sent', () => this.#counts.waiting),
      gauge('identity_letters_parked', 'Letters that could not be sent', () => this.#counts.parked),
    ];
    this.#loop = this.#platform.exclusively('mail', ({ signal }) => this.#run(signal));
  }

  async stop(): Promise<void> {
    await this.#loop?.stop();
    this.#transport?.stop();
    for (const remove of this.#removeGauges) remove();
  }

  /** Sends a page of what is due. Answers how many letters it looked at. */
  async sendDue(nowMs: number): Promise<number> {
    if (!this.#transport) return 0;
    const { rows } = await this.#pool.query<Row>(
      `select id, tenant_id, subject, letter, created_at, tries from mail_queue
       where sent_at is null and next_try_at <= $1 order by next_try_at limit $2`,
      [new Date(nowMs), pageSize],
    );
    for (const row of rows) await this.#sendOne(this.#transport, row);
    return rows.length;
  }

  /** What waits for somebody, and what was written to a folder. */
  async erase(subject: string): Promise<number> {
    const { rowCount } = await this.#pool.query('delete from mail_queue where subject = $1', [subject]);
    return (rowCount ?? 0) + ((await this.#transport?.erase(subject)) ?? 0);
  }

  async read(subject: string): Promise<readonly Record<string, unknown>[]> {
    const { rows } = await this.#pool.query<Row>(
      'select id, tenant_id, subject, letter, created_at, tries from mail_queue where subject = $1 limit 1000',
      [subject],
    );
    const opened = rows.map(async (row) => {
      const letter = await this.#open(row);
      return { created_at: row.created_at, to: letter?.to, title: letter?.title };
    });
    return Promise.all(opened);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const warn = this.#platform.warn('letters could not be read and will be');
    let tidiedMs = 0;
    while (!signal.aborted) {
      const now = Date.now();
      const looked = await this.sendDue(now).catch((error: Error) => {
        warn(error);
        return 0;
      });
      if (now - tidiedMs >= tidyMs || looked > 0) {
        tidiedMs = now;
        await this.#tidy(now).catch(warn);
      }
      if (looked < pageSize) await pause(lookMs, signal);
    }
  }

  /** COMMIT POINT: the row's end, after the letter is somebody else's. A crash in between sends it twice, never not at all. */
  async #sendOne(transport: Transport, row: Row): Promise<void> {
    const letter = await this.#open(row);
    if (letter) {
      try {
        await transport.send(letter);
      } catch (error) {
        return this.#failed(row, error as Failure);
      }
    }
    // Without its key there is no letter any more: the person was erased.
    await this.#pool.query('delete from mail_queue where id = $1', [row.id]);
  }

  async #failed({ id, tries, created_at }: Row, error: Failure): Promise<void> {
    const verdict = judge(error, tries, created_at.getTime(), Date.now());
    const { problem } = verdict;
    const next = verdict.kind === 'retry' ? new Date(verdict.atMs) : 'infinity';
    await this.#pool.query('update mail_queue set tries = tries + 1, next_try_at = $2, problem = $3 where id = $1', [
      id,
      next,
      problem,
    ]);
    const { logger } = this.#platform;
    // The error itself stays out: servers repeat the address in it.
    if (verdict.kind === 'park') logger.error({ letterId: id, problem }, 'a letter could not be sent and is parked');
    else logger.warn({ letterId: id, problem, tries: tries + 1 }, 'a letter could not be sent and will be tried again');
  }

  async #open(row: Row): Promise<Letter | undefined> {
    const text = await this.#subjectKeys.open(this.#pool, row.tenant_id, 'letter', row.letter);
    if (text === undefined) return undefined;
    const { to, title, text: body } = JSON.parse(text) as Pick<Letter, 'to' | 'title' | 'text'>;
    return { id: row.id, subject: row.subject, to, title, text: body };
  }

  async #tidy(nowMs: number): Promise<void> {
    await this.#transport?.tidy(nowMs);
    // No link lives so long, and an address is not kept for nothing.
    await this.#pool.query('delete from mail_queue where created_at < $1', [new Date(nowMs - keptMs)]);
    const { rows } = await this.#pool.query<{ waiting: number; parked: number }>(
      `select count(*) filter (where next_try_at < 'infinity')::int as waiting,
         count(*) filter (where next_try_at = 'infinity')::int as parked from mail_queue`,
    );
    if (rows[0]) this.#counts = rows[0];
  }
}
