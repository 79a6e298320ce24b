import { randomUUID } from 'node:crypto';
import type { TransitKeyType } from '@gatehouse/contracts';
import { messageCode, type Pepper, type SealedValue, type ValuePlace } from '@gatehouse/crypto';
import {
  asTenant,
  type CommandContext,
  fold,
  type NewEvent,
  type PostgresEventStore,
  RevisionConflict,
  sqlState,
} from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { recordableText } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { Keyring } from '../key/keyring.js';
import { type KeyMaterial, newMaterial, openMaterial } from './key-material.js';
import { configureKey, deleteKey, type KeySettings, maxVersions } from './key-rules.js';
import { type PresentKey, type TransitKey, transitKeyDecider } from './transit-key.js';
import { refused } from './transit-problem.js';

export interface TransitKeyParts {
  readonly store: PostgresEventStore;
  readonly keyring: Keyring;
  readonly pepper: Pepper;
  /** Of the request role: a statement sees one tenant only. */
  readonly pool: pg.Pool;
}

interface Change {
  readonly events: readonly NewEvent[];
  /** What is stored with the events. */
  readonly rows?: (client: pg.PoolClient) => Promise<void>;
}

interface MaterialRow {
  readonly ciphertext: Buffer;
  readonly wrapped_key: Buffer;
  readonly key_version: number;
}

const maxAttempts = 4;

/** Where the material of a version is sealed for. */
export const materialPlace = (tenantId: string, keyId: string, version: number): ValuePlace => ({
  ...{ tenantId, purpose: 'transit-key', name: keyId, version },
});

/** Keys of the transit engine: their streams, and the sealed material beside them. Who may is asked before. */
export class TransitKeys {
  constructor(private readonly parts: TransitKeyParts) {}

  /** @throws ProblemError `not_found` */
  async find(tenantId: string, name: string): Promise<PresentKey> {
    const { key } = await this.#load(tenantId, name);
    if (key.status === 'absent') throw new ProblemError('not_found', 'There is no such key');
    return key;
  }

  /** Open material of one version. @throws ProblemError `sealed`; CryptoError when it was changed */
  async open(tenantId: string, { keyId }: PresentKey, version: number): Promise<KeyMaterial> {
    const { keyring, pool } = this.parts;
    const { rows } = await asTenant(pool, tenantId, (client) =>
      client.query<MaterialRow>(
        `select ciphertext, wrapped_key, key_version from transit_key_versions
         where tenant_id = $1 and key_id = $2 and version = $3`,
        [tenantId, keyId, version],
      ),
    );
    const row = rows[0];
    if (!row) throw new Error('the material of a transit key is not there');
    const { ciphertext, wrapped_key: wrappedKey, key_version: keyVersion } = row;
    const sealed: SealedValue = { algorithm: 'A256GCM', ciphertext, wrappedKey, keyVersion };
    return openMaterial(await keyring.open(materialPlace(tenantId, keyId, version), sealed));
  }

  async names(tenantId: string): Promise<readonly string[]> {
    const { rows } = await asTenant(this.parts.pool, tenantId, (client) =>
      client.query<{ name: string }>('select name from transit_keys where tenant_id = $1 order by name', [tenantId]),
    );
    return rows.map(({ name }) => name);
  }

  /** The same again changes nothing. @throws ProblemError for a name that is a key of another type */
  create(context: CommandContext, name: string, type: TransitKeyType, derived: boolean): Promise<PresentKey> {
    return this.#change(context, name, async (key) => {
      if (key.status === 'present') {
        if (key.type === type && key.derived === derived) return { events: [] };
        throw refused('a key of this name exists, of another type');
      }
      const [keyId, recorded] = [randomUUID(), this.#recorded(name)];
      const { publicKey, store } = await this.#seal(context.tenantId, keyId, 1, type);
      const data = { name: recorded, keyId, type, derived, version: 1, ...(publicKey && { publicKey }) };
      return {
        events: [{ type: 'transit_key.created', version: 1, data }],
        rows: async (client) => {
          const values = [context.tenantId, name, keyId];
          await client.query('insert into transit_keys (tenant_id, name, key_id) values ($1, $2, $3)', values);
          await store(client);
        },
      };
    });
  }

  /** A new version, under which everything new is made. */
  rotate(context: CommandContext, name: string): Promise<PresentKey> {
    return this.#changePresent(context, name, async (key) => {
      if (key.latest >= maxVersions) throw refused(`a key has at most ${maxVersions} versions`);
      const [{ keyId, type }, version] = [key, key.latest + 1];
      const { publicKey, store } = await this.#seal(context.tenantId, keyId, version, type);
      const data = { name: this.#recorded(name), keyId, version, ...(publicKey && { publicKey }) };
      return { events: [{ type: 'transit_key.rotated', version: 1, data }], rows: store };
    });
  }

  configure(context: CommandContext, name: string, settings: KeySettings): Promise<PresentKey> {
    return this.#changePresent(context, name, async (key) => ({
      events: configureKey(key, this.#recorded(name), settings),
    }));
  }

  async remove(context: CommandContext, name: string): Promise<void> {
    const { tenantId } = context;
    await this.#changePresent(context, name, async (key) => ({
      events: deleteKey(key, this.#recorded(name)),
      rows: async (client) => {
        await client.query('delete from transit_key_versions where tenant_id = $1 and key_id = $2', [
          tenantId,
          key.keyId,
        ]);
        await client.query('delete from transit_keys where tenant_id = $1 and name = $2', [tenantId, name]);
      },
    }));
  }

  #changePresent(context: CommandContext, name: string, decide: (key: PresentKey) => Promise<Change>) {
    return this.#change(context, name, (key) => {
      if (key.status === 'absent') throw new ProblemError('not_found', 'There is no such key');
      return decide(key);
    });
  }

  /** Decides, seals, and stores events and rows together; again where another call was first. */
  async #change(context: CommandContext, name: string, decide: (key: TransitKey) => Promise<Change>) {
    const { tenantId } = context;
    for (let attempt = 1; ; attempt++) {
      const { key, revision } = await this.#load(tenantId, name);
      const { events, rows } = await decide(key);
      if (events.length === 0) return key as PresentKey;
      try {
        return await this.parts.store.together(tenantId, async (log, client) => {
          const options = { expectedRevision: revision, context };
          const appended = await log.append(this.#stream(tenantId, name), events, options);
          await rows?.(client);
          return fold(transitKeyDecider, appended.events, key) as PresentKey;
        });
      } catch (error) {
        // 40001: the tenant's key was retired in between, and the material has to be sealed again.
        const isBehind = error instanceof RevisionConflict || sqlState(error) === '40001';
        if (!isBehind || attempt === maxAttempts) throw error;
      }
    }
  }

  async #load(tenantId: string, name: string): Promise<{ readonly key: TransitKey; readonly revision: number }> {
    const { events, revision } = await this.parts.store.read(tenantId, this.#stream(tenantId, name));
    return { key: fold(transitKeyDecider, events), revision };
  }

  async #seal(tenantId: string, keyId: string, version: number, type: TransitKeyType) {
    const { bytes, publicKey } = await newMaterial(type);
    const sealed = await this.parts.keyring.seal(materialPlace(tenantId, keyId, version), bytes);
    bytes.fill(0);
    const store = async (client: pg.PoolClient): Promise<void> => {
      await client.query(
        `insert into transit_key_versions (tenant_id, key_id, version, ciphertext, wrapped_key, key_version)
         values ($1, $2, $3, $4, $5, $6)`,
        [tenantId, keyId, version, sealed.ciphertext, sealed.wrappedKey, sealed.keyVersion],
      );
    };
    return { publicKey, store };
  }

  /** A keyed hash, because the id of a stream is told to everybody who reads the log. */
  #stream(tenantId: string, name: string): string {
    const code = messageCode(this.parts.pepper, 'vault.transit-stream', JSON.stringify([tenantId, name]));
    return `transit-key:${code}`;
  }

  #recorded(name: string): string {
    return recordableText(this.parts.pepper, name);
  }
}
