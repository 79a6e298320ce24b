import type { ObservedUse, ObserveRequest, SealedField } from '@gatehouse/contracts';
import { blindIndex, type Pepper } from '@gatehouse/crypto';
import type pg from 'pg';
import type { AreaContext, PersonalData, Retention } from '../../area.js';
import type { People } from '../../person/people.service.js';
import { type Seal, SubjectErased, type SubjectKeys } from '../../user/subject-keys.service.js';

/** Where one key was used: one service, one address. */
export interface KeyUse {
  readonly service: string;
  /** Absent where it was sealed for somebody who has been erased since. */
  readonly address?: string;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly count: number;
}

interface UsedKey {
  readonly tenantId: string;
  readonly keyId: string;
  readonly principalType: 'service' | 'user';
  readonly principalId: string;
}

interface Owner {
  readonly userId: string;
  readonly homeTenantId: string;
  readonly seal: Seal;
}

interface UseRow {
  readonly key_id: string;
  readonly service: string;
  readonly address: string | null;
  readonly sealed: SealedField | null;
  readonly home_tenant_id: string | null;
  readonly first_at: Date;
  readonly last_at: Date;
  readonly uses: string;
}

/** Kept per key, the latest ones: somebody who changes his address with every call fills no disk. */
const maxPlaces = 200;
const sweepRows = 10_000;

const columns = 'key_id, service, address, sealed, home_tenant_id, first_at, last_at, uses::text';

/**
 * What the services report of keys used. The address of a person's key is sealed under the person's key, that of a service
 * is not personal. Counts are for the eye: a report whose answer was lost comes again and is counted again.
 */
export class KeyUses {
  readonly #pool: pg.Pool;
  readonly #people: People;
  readonly #subjectKeys: SubjectKeys;
  readonly #pepper: Pepper;

  constructor({ platform, people, subjectKeys, pepper }: AreaContext) {
    this.#pool = platform.database.system;
    this.#people = people;
    this.#subjectKeys = subjectKeys;
    this.#pepper = pepper;
  }

  /** Takes one service's report. */
  readonly take = async ({ service, uses }: ObserveRequest): Promise<void> => {
    if (uses.length === 0) return;
    const keys = await this.#keysOf([...new Set(uses.map(({ keyId }) => keyId))]);
    const owners = await this.#ownersOf([...keys.values()]);
    const rows = new Map<string, Record<string, unknown>>();
    for (const use of uses) {
      const key = keys.get(use.keyId);
      const row = key && this.#rowFor(key, owners.get(key.principalId), service, use);
      if (row) rows.set(`${use.keyId} ${row.address_index}`, row);
    }
    await this.#store([...rows.values()]);
  };

  /** Places a key was used at, the latest first. */
  async of(tenantId: string, keyId: string): Promise<readonly KeyUse[]> {
    const { rows } = await this.#pool.query<UseRow>(
      `select ${columns} from key_uses where tenant_id = $1 and key_id = $2 order by last_at desc limit ${maxPlaces}`,
      [tenantId, keyId],
    );
    return Promise.all(rows.map((row) => this.#view(row)));
  }

  readonly personalData: PersonalData = {
    kind: 'key_uses',
    read: async (userId) => {
      const { rows } = await this.#pool.query<UseRow>(
        `select ${columns} from key_uses where user_id = $1 order by last_at`,
        [userId],
      );
      return Promise.all(rows.map(async (row) => ({ keyId: row.key_id, ...(await this.#view(row)) })));
    },
    erase: async (userId) =>
      (await this.#pool.query('delete from key_uses where user_id = $1', [userId])).rowCount ?? 0,
  };

  readonly retention: Retention = {
    kind: 'key_uses',
    defaultDays: 400,
    sweep: async (before) => {
      const { rowCount } = await this.#pool.query(
        `delete from key_uses where ctid = any(array(select ctid from key_uses where last_at < $1 limit ${sweepRows}))`,
        [before],
      );
      return rowCount ?? 0;
    },
  };

  async #keysOf(ids: readonly string[]): Promise<ReadonlyMap<string, UsedKey>> {
    const { rows } = await this.#pool.query<UsedKey>(
      `select key_id as "keyId", tenant_id as "tenantId", principal_type as "principalType",
         principal_id as "principalId" from keys where key_id = any($1::uuid[])`,
      [ids],
    );
    return new Map(rows.map((row) => [row.keyId, row]));
  }

  /** Everybody a key of this report acts as, but for who has been erased: of them nothing is kept. */
  async #ownersOf(keys: readonly UsedKey[]): Promise<ReadonlyMap<string, Owner>> {
    const ids = new Set(keys.filter(({ principalType }) => principalType === 'user').map((key) => key.principalId));
    const owners = new Map<string, Owner>();
    for (const userId of ids) {
      const person = await this.#people.byId(userId);
      if (!person || person.status === 'erased') continue;
      try {
        const seal = await this.#subjectKeys.sealerFor(person.homeTenantId, userId);
        owners.set(userId, { userId, homeTenantId: person.homeTenantId, seal });
      } catch (error) {
        if (!(error instanceof SubjectErased)) throw error;
      }
    }
    return owners;
  }

  #rowFor(key: UsedKey, owner: Owner | undefined, service: string, use: ObservedUse) {
    const { keyId, ip, count } = use;
    const seen = { service, first_at: use.firstAt, last_at: use.lastAt, uses: count };
    const row = { tenant_id: key.tenantId, key_id: keyId, ...seen };
    if (key.principalType === 'service') return { ...row, address_index: ip, address: ip };
    if (!owner) return undefined;
    const { userId, homeTenantId, seal } = owner;
    const address_index = blindIndex(this.#pepper, 'key-use.ip', `${keyId} ${ip}`);
    return { ...row, address_index, sealed: seal('ip', ip), user_id: userId, home_tenant_id: homeTenantId };
  }

  async #store(rows: readonly Record<string, unknown>[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#pool.query(
      `insert into key_uses (tenant_id, key_id, service, address_index, address, sealed, user_id, home_tenant_id,
         first_at, last_at, uses)
       select * from jsonb_to_recordset($1) as r(tenant_id text, key_id uuid, service text, address_index text,
         address text, sealed jsonb, user_id uuid, home_tenant_id text, first_at timestamptz, last_at timestamptz,
         uses bigint)
       -- Erased since the report was read: the row would outlive the person.
       where user_id is null or not exists (select from erased_subjects where subject = user_id::text)
       order by 1, 2, 3, 4
       on conflict (tenant_id, key_id, service, address_index) do update set
         first_at = least(key_uses.first_at, excluded.first_at),
         last_at = greatest(key_uses.last_at, excluded.last_at),
         uses = key_uses.uses + excluded.uses`,
      [JSON.stringify(rows)],
    );
    await this.#pool.query(
      `delete from key_uses u using (
         select tenant_id, key_id, service, address_index,
           row_number() over (partition by tenant_id, key_id order by last_at desc) as place
         from key_uses where key_id = any($1::uuid[])) old
       where old.place > ${maxPlaces} and u.tenant_id = old.tenant_id and u.key_id = old.key_id
         and u.service = old.service and u.address_index = old.address_index`,
      [[...new Set(rows.map((row) => row.key_id))]],
    );
  }

  async #view(row: UseRow): Promise<KeyUse> {
    const opened =
      row.sealed && row.home_tenant_id !== null
        ? await this.#subjectKeys.open(this.#pool, row.home_tenant_id, 'ip', row.sealed)
        : row.address;
    return {
      service: row.service,
      ...(typeof opened === 'string' && { address: opened }),
      firstAt: row.first_at.toISOString(),
      lastAt: row.last_at.toISOString(),
      count: Number(row.uses),
    };
  }
}
