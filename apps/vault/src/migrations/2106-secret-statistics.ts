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

// What was counted outlives the rows. A table is emptied only while nobody else may write into it and it has not one page: rows
// may be there without being seen, those of all tenants for an owner who is no superuser. Where it has pages, reads go on.
const countedSql = ({ table, columns, values }: Sample): string => `
  do $count$ begin
    if pg_relation_size('vault.${table}') = 0 then
      lock table vault.${table} in access exclusive mode;
      if pg_relation_size('vault.${table}') = 0 then
        alter table vault.${table} no force row level security;
        insert into vault.${table} (tenant_id, stream_id, ${columns})
          select 'sample', md5(n::text), ${values} from generate_series(1, 100) as t(n);
        analyze vault.${table};
        truncate vault.${table};
        alter table vault.${table} force row level security;
        return;
      end if;
    end if;
    analyze vault.${table};
  end $count$;`;
