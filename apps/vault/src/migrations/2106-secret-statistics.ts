import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What the planner needs to know of new tables: that a tenant has many rows, and a stream one. Nobody had counted yet, so a row of
 * the tenant counted as rare as one of the stream, and plans looked it up by the first index that begins with the tenant:
 * through all of the tenant's secrets for each look-up, for as long as the session kept its plan. Tables with rows are counted.
 */
export class SecretStatistics1700000002106 implements MigrationInterface {
  name = 'SecretStatistics1700000002106';

  async up(query: QueryRunner): Promise<void> {
    await query.query(tables.map(countedSql).join(''));
  }

  async down(): Promise<void> {}
}

interface Sample {
  readonly table: string;
  /** A row of it, with `n` from 1 to 100. */
  readonly columns: string;
  readonly values: string;
}

const tables: readonly Sample[] = [
  {
    table: 'secrets',
    columns: 'secret_id, path, scope, reference_name, current_version, state, updated_at',
    values: `gen_random_uuid(), n::text, 'scope', n::text, 1, repeat('x', 600), now()`,
  },
  {
    table: 'secret_versions',
    columns: 'version, secret_id, created_at',
    values: '1, gen_random_uuid(), now()',
  },
];

// What was counted outlives the rows. The wall between tenants is down only until the end of the transaction, which has the
// table for itself.
const countedSql = ({ table, columns, values }: Sample): string => `
  do $count$ begin
    if exists (select from vault.${table}) then
      analyze vault.${table};
      return;
    end if;
    alter table vault.${table} no force row level security;
    insert into vault.${table} (tenant_id, stream_id, ${columns})
      select 'sample', md5(n::text), ${values} from generate_series(1, 100) as t(n);
    analyze vault.${table};
    truncate vault.${table};
    alter table vault.${table} force row level security;
  end $count$;`;
