import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * When policy's log had an event: what "as of" means. Written by PostgreSQL, since rights to insert name their columns
 * and this is none of them. Events from before stand at the time they say. Rewrites the log once.
 */
export class RecordedAt1700000000121 implements MigrationInterface {
  name = 'RecordedAt1700000000121';

  async up(query: QueryRunner): Promise<void> {
    await query.query(`
      alter table policy.events add column recorded_at timestamptz;
      -- The owner, too, is behind the wall of the tenants, unless it is a superuser.
      alter table policy.events no force row level security;
      update policy.events set recorded_at = (envelope::jsonb ->> 'occurredAt')::timestamptz;
      alter table policy.events force row level security;
      alter table policy.events alter column recorded_at set default clock_timestamp(),
        alter column recorded_at set not null;
      -- The log of one tenant without its decisions: a thousandth of it, read whole for questions about the past.
      create index events_facts on policy.events (tenant_id, tx, seq)
        where type <> 'decision.recorded' and type <> 'decisions.recorded';`);
  }

  async down(query: QueryRunner): Promise<void> {
    await query.query('drop index policy.events_facts; alter table policy.events drop column recorded_at');
  }
}
