import { createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto';
import type { SealedField, SigningKeyEvent } from '@gatehouse/contracts';
import { newSubjectKey, openField, type RootKey, sealField, unwrapKey, wrapKey } from '@gatehouse/crypto';
import { inTransaction, type PostgresEventStore, pause } from '@gatehouse/event-store';
import {
  calculateJwkThumbprint,
  errors,
  exportJWK,
  exportPKCS8,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose';
import type pg from 'pg';
import { currentKey, nextKeyDue, type PublishedKey, type SigningAlgorithm, timesFrom } from './signing-key.js';

export interface SigningKeysOptions {
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly root: RootKey;
  readonly algorithm: SigningAlgorithm;
  /** Where the making and the end of a key are recorded, in the transaction itself; nowhere in a reader of keys. */
  readonly recordIn?: { readonly store: PostgresEventStore; readonly tenantId: string };
  readonly onError: (error: Error) => void;
}

export interface SigningKey extends PublishedKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

interface Row {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly public_jwk: JWK;
  readonly wrapped: Buffer;
  readonly sealed: SealedField;
  readonly signs_from: Date;
  readonly signs_until: Date;
  readonly published_until: Date;
}

const lookMs = 60_000;
const contextOf = (kid: string): string => `signing-key:${kid}`;
const place = ['private_key', 'installation'] as const;

/**
 * The key pairs that sign tokens, in memory: made, announced, used and retired by the clock, each sealed under a data key
 * that the root key wraps. Every replica looks once a minute, a day before a new key signs anything.
 */
export class SigningKeys {
  readonly #options: SigningKeysOptions;
  readonly #stopped = new AbortController();
  readonly #listeners: (() => void)[] = [];
  #keys: readonly SigningKey[] = [];
  #loop: Promise<void> = Promise.resolve();

  constructor(options: SigningKeysOptions) {
    this.#options = options;
  }

  get loaded(): boolean {
    return this.#keys.length > 0;
  }

  /** Everything published now, newest last, with private parts: for the parts that sign. */
  get all(): readonly SigningKey[] {
    return this.#keys;
  }

  start(): this {
    this.#loop = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  /** Called after the set of keys changed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** JWKS (RFC 7517) of all published keys. */
  jwks(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ publicJwk }) => publicJwk) };
  }

  /** For `jose`: the public key that a token's header names. @throws JWKSNoMatchingKey, JWKSTimeout */
  verificationKey({ kid, alg }: { readonly kid?: string; readonly alg?: string }): KeyObject {
    if (!this.loaded) throw new errors.JWKSTimeout();
    const key = this.#keys.find((each) => each.kid === kid && each.algorithm === alg);
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key.publicKey;
  }

  /** @throws Error while no key is there yet: the service is not ready then */
  current(nowMs: number): SigningKey {
    const key = currentKey(this.#keys, nowMs);
    if (!key) throw new Error('no signing key is loaded');
    return key;
  }

  /** A signed JWT. `claims` has everything but `iat` and `exp`; `typ` is `at+jwt` for access tokens (RFC 9068). */
  async sign(claims: JWTPayload, { typ, lifetimeSeconds, nowMs }: SignOptions): Promise<string> {
    const key = this.current(nowMs);
    const iat = Math.floor(nowMs / 1_000);
    return new SignJWT({ ...claims, iat, exp: iat + lifetimeSeconds })
      .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ })
      .sign(key.privateKey);
  }

  /** Makes what is due, forgets what is over, and reads the rest. */
  async refresh(nowMs: number): Promise<void> {
    const { pool } = this.#options;
    const rows = await inTransaction(pool, async (client) => {
      // One replica makes the next key; the others wait here and find it.
      await client.query(`select pg_advisory_xact_lock(hashtextextended('gatehouse:signing-keys', 0))`);
      const { rows: over } = await client.query<Pick<Row, 'kid' | 'algorithm'>>(
        'delete from signing_keys where published_until <= $1 returning kid, algorithm',
        [new Date(nowMs)],
      );
      for (const key of over) await this.#record(client, 'retired', key, nowMs);
      const { rows: found } = await client.query<Row>('select * from signing_keys order by signs_from');
      const due = nextKeyDue(found.map(toTimes), nowMs);
      if (due === undefined) return found;
      await this.#insert(client, due, nowMs);
      return (await client.query<Row>('select * from signing_keys order by signs_from')).rows;
    });
    const before = this.#keys.map(({ kid }) => kid).join();
    this.#keys = rows.map((row) => this.#open(row));
    if (before !== this.#keys.map(({ kid }) => kid).join()) for (const tell of this.#listeners) tell();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.refresh(Date.now());
        await pause(lookMs, signal);
      } catch (error) {
        this.#options.onError(error as Error);
        await pause(500, signal);
      }
    }
  }

  async #insert(client: pg.PoolClient, signsFromMs: number, nowMs: number): Promise<void> {
    const { root, algorithm } = this.#options;
    const pair = await generateKeyPair(algorithm, { extractable: true });
    // Read from what was written out: of a key as it was drawn, Node 20 can wait for itself for ever (`newKeyBytes`).
    const bare = await exportJWK(createPublicKey(await exportSPKI(pair.publicKey)));
    const kid = await calculateJwkThumbprint(bare);
    const publicJwk = { ...bare, kid, alg: algorithm, use: 'sig' };
    const dataKey = newSubjectKey();
    const sealed = sealField(dataKey, { subject: kid, keyVersion: 1 }, ...place, await exportPKCS8(pair.privateKey));
    const times = timesFrom(signsFromMs);
    await client.query(
      `insert into signing_keys (kid, algorithm, public_jwk, wrapped, sealed, created_at, signs_from, signs_until,
         published_until) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        kid,
        algorithm,
        JSON.stringify(publicJwk),
        wrapKey(root, dataKey, contextOf(kid)),
        JSON.stringify(sealed),
        new Date(nowMs),
        new Date(times.signsFromMs),
        new Date(times.signsUntilMs),
        new Date(times.publishedUntilMs),
      ],
    );
    await this.#record(client, 'created', { kid, algorithm }, nowMs);
  }

  /** A key belongs to the installation; its events are in the operator's tenant, where its administrators see them. */
  async #record(client: pg.PoolClient, what: 'created' | 'retired', key: SigningKeyEvent, nowMs: number) {
    const { recordIn } = this.#options;
    if (!recordIn) return;
    const log = recordIn.store.within(client);
    const streamId = `signing-key:${key.kid}`;
    const { revision } = await log.read(recordIn.tenantId, streamId);
    const data: SigningKeyEvent = { kid: key.kid, algorithm: key.algorithm };
    await log.append(streamId, [{ type: `signing_key.${what}`, version: 1, data }], {
      expectedRevision: revision,
      context: {
        tenantId: recordIn.tenantId,
        actor: { type: 'service', id: 'identity' },
        now: nowMs,
        correlationId: randomUUID().replaceAll('-', ''),
      },
    });
  }

  #open(row: Row): SigningKey {
    const dataKey = unwrapKey(this.#options.root, row.wrapped, contextOf(row.kid));
    const privateKey = createPrivateKey(openField(dataKey, row.sealed, ...place));
    return {
      kid: row.kid,
      algorithm: row.algorithm,
      publicJwk: row.public_jwk,
      ...toTimes(row),
      privateKey,
      publicKey: createPublicKey(privateKey),
    };
  }
}

export interface SignOptions {
  readonly typ: string;
  readonly lifetimeSeconds: number;
  /** Unix time in milliseconds. */
  readonly nowMs: number;
}

const toTimes = ({ signs_from, signs_until, published_until }: Row) => ({
  signsFromMs: signs_from.getTime(),
  signsUntilMs: signs_until.getTime(),
  publishedUntilMs: published_until.getTime(),
});
