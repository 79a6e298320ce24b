import { type Adapter, type AdapterPayload, errors, Provider } from 'oidc-provider';
import type { DevicePolls } from '../device/device-polls.service.js';
import type { Grants } from '../grant/grants.service.js';
import type { Records, StoredRecord } from '../record/records.service.js';
import { orUnavailable } from './unavailable.js';

/** Ends with their family, in the transaction that ends the family: deleting one first could lose the trace of the rest. */
const endWithFamily: ReadonlySet<string> = new Set(['RefreshToken', 'AuthorizationCode', 'AccessToken']);

export interface AdapterParts {
  readonly records: Records;
  readonly grants: Grants;
  readonly polls: DevicePolls;
}

/** The storage of `oidc-provider` on PostgreSQL, one per model; clients have their own, since they are event-sourced. */
export class RecordAdapter implements Adapter {
  readonly #model: string;
  readonly #parts: AdapterParts;

  constructor(model: string, parts: AdapterParts) {
    this.#model = model;
    this.#parts = parts;
  }

  upsert(handle: string, payload: AdapterPayload, ttlSeconds = 0): Promise<void> {
    return orUnavailable(async () => {
      const { records } = this.#parts;
      if (this.#model === 'ReplayDetection') return this.#first(handle, payload, ttlSeconds);
      await records.write(this.#model, handle, payload, ttlSeconds).catch((error: unknown) => {
        throw error instanceof RangeError ? new errors.InvalidRequest('the request is too long') : error;
      });
    });
  }

  find(handle: string): Promise<AdapterPayload | undefined> {
    return orUnavailable(async () => {
      const record = await this.#parts.records.find(this.#model, handle);
      if (record && this.#model === 'DeviceCode') await this.#parts.polls.count(record, Provider.ctx);
      return this.#payload(record);
    });
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return orUnavailable(async () => this.#payload(await this.#parts.records.findByUid(uid)));
  }

  findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return orUnavailable(async () => this.#payload(await this.#parts.records.findByUserCode(userCode)));
  }

  /**
   * Of several requests with one code or token exactly one goes on. The others are what a thief and the thief's victim
   * look like, so the whole family ends (RFC 9700, 4.14.2).
   */
  consume(handle: string): Promise<void> {
    return orUnavailable(async () => {
      const { records, grants } = this.#parts;
      if (await records.consume(this.#model, handle)) return;
      const record = await records.find(this.#model, handle);
      if (record?.grant_id) await grants.revoke(record.grant_id, 'reuse');
      throw new errors.InvalidGrant('already used');
    });
  }

  destroy(handle: string): Promise<void> {
    return orUnavailable(async () => {
      if (this.#model === 'Grant') return this.#parts.grants.revoke(handle, reasonNow());
      if (!endWithFamily.has(this.#model)) await this.#parts.records.remove(this.#model, handle);
    });
  }

  /** Nothing: the grant itself is destroyed next, and takes all of its records along. */
  async revokeByGrantId(): Promise<void> {}

  async #first(handle: string, payload: AdapterPayload, ttlSeconds: number): Promise<void> {
    if (!(await this.#parts.records.writeFirst(this.#model, handle, payload, Math.max(1, ttlSeconds))))
      throw new errors.InvalidGrant('replay detected');
  }

  #payload(record: StoredRecord | undefined): AdapterPayload | undefined {
    return record && this.#parts.records.open(record);
  }
}

/** A grant ends at the token endpoint because something was used twice, elsewhere because somebody wanted it to. */
const reasonNow = () => (Provider.ctx?.oidc.route === 'token' ? 'reuse' : 'revoked');
