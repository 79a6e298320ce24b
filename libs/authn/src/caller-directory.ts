import { keyFingerprint, type Pepper } from '@gatehouse/crypto';
import type { Query, Wake } from '@gatehouse/event-store';
import { Admission } from './admission.js';
import { DeviceRing } from './device-ring.js';
import { KeyRing } from './key-ring.js';
import {
  knownCallersChannel,
  selectEndedSessions,
  selectMembers,
  selectRefusedPeople,
  selectTenants,
} from './known-callers.js';
import { selectKnownDevices } from './known-devices.js';
import { selectKnownKeys } from './known-keys.js';
import { NotAuthenticated, type Principal, type TenantChoice } from './principal.js';
import { RetryingQueue } from './retrying-queue.js';

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** What a notification may name; anything else is ignored. */
const notice = new RegExp(
  `^(?:key:${uuid}|device:${uuid}|person:${uuid}|tenant:[a-z0-9-]{1,63}|member:[a-z0-9-]{1,63}/${uuid}|session:[\\x21-\\x7e]{1,256})$`,
);

export interface CallerDirectoryOptions {
  readonly service: string;
  readonly pepper: Pepper;
  /** Connections of the system role. */
  readonly query: Query;
  readonly wake: Wake;
  readonly onError?: (error: Error) => void;
}

/**
 * Everybody who may call, in memory, so that a call costs one HMAC and a few look-ups and no database. Filled from the
 * tables of `knownCallersSql`, kept current by their notifications; after any moment in which one may have been missed,
 * everything is read anew.
 */
export class CallerDirectory {
  readonly #options: CallerDirectoryOptions;
  #keys = new KeyRing();
  #devices = new DeviceRing();
  #admission = new Admission();
  #changed = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #stop: (() => void)[] = [];
  readonly #queue: RetryingQueue;
  #loaded = false;

  constructor(options: CallerDirectoryOptions) {
    this.#options = options;
    this.#queue = new RetryingQueue(options.onError);
  }

  /** False until the first load: nobody is recognised before it. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** How many keys are known. */
  get size(): number {
    return this.#keys.size;
  }

  start(): this {
    const { wake, service } = this.#options;
    const channel = knownCallersChannel(service);
    this.#stop = [
      wake.listen((on, changed) => on === channel && notice.test(changed) && this.#note(changed)),
      wake.onReconnect(() => this.#queue.add(() => this.#reloadAll())),
    ];
    this.#queue.add(() => this.#reloadAll());
    return this;
  }

  async stop(): Promise<void> {
    for (const end of this.#stop) end();
    await this.#queue.stop();
  }

  /**
   * The principal of a `mas_` or `mau_` key, in the tenant of the key. @throws NotAuthenticated
   * @param nowMs Unix time in milliseconds
   */
  recognise(key: string, ip: string, nowMs: number): Principal {
    if (!this.#loaded) throw new NotAuthenticated('not_ready');
    // The look-up is by HMAC: timing tells nothing about a key to somebody who lacks the pepper.
    return this.#keys.recognise(this.fingerprintOf(key), key.slice(0, 3), ip, nowMs);
  }

  /** The principal of an `m87_` key: the device itself. @throws NotAuthenticated */
  recogniseDevice(key: string, nowMs: number): Principal {
    if (!this.#loaded) throw new NotAuthenticated('not_ready');
    return this.#devices.recognise(this.fingerprintOf(key), nowMs);
  }

  /** What a key is known by here; what is made with a key keeps it, to end when this text of the key does. */
  fingerprintOf(key: string): string {
    return keyFingerprint(this.#options.pepper, key).toString('base64');
  }

  /**
   * The principal of the key that has this fingerprint, in the key's own tenant, if its text would open the door now: for
   * what was made with it. @throws NotAuthenticated
   */
  recall(fingerprint: string, ip: string, nowMs: number): Principal {
    if (!this.#loaded) throw new NotAuthenticated('not_ready');
    if (this.#devices.has(fingerprint)) return this.#devices.recognise(fingerprint, nowMs);
    return this.#keys.recall(fingerprint, ip, nowMs);
  }

  /**
   * Whether the key of this id counts now, for what was begun with it and goes on; undefined: no key has this id.
   * @param nowMs Unix time in milliseconds
   */
  stands(keyId: string, nowMs: number): boolean | undefined {
    return this.#keys.stands(keyId, nowMs);
  }

  /** Calls back after every change that is known here from then on; answers the function that ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** When the key with this fingerprint ends by itself, in Unix milliseconds; infinite for one that does not. */
  endOf(fingerprint: string): number {
    return this.#devices.endOf(fingerprint) ?? this.#keys.endOf(fingerprint);
  }

  /** The same principal in the tenant it acts in, if it is still let in. @throws NotAuthenticated */
  admit(found: Principal, choice: TenantChoice): Principal {
    if (!this.#loaded) throw new NotAuthenticated('not_ready');
    return this.#admission.admit(found, choice);
  }

  /** The role of a person in a tenant, as of the last event this service has seen. */
  roleOf(tenantId: string, userId: string): string | undefined {
    return this.#admission.roleOf(tenantId, userId);
  }

  // A burst of notifications is one round of queries: what is noted while a read waits its turn goes with it.
  #note(changed: string): void {
    this.#changed.add(changed);
    if (this.#changed.size > 1) return;
    let taken: ReadonlySet<string> | undefined;
    this.#queue.add(() => {
      if (!taken) {
        taken = this.#changed;
        this.#changed = new Set();
      }
      return this.#reload(taken);
    });
  }

  /** Both are filled before they take the place of the old ones: nobody is unknown while they are read. */
  async #reloadAll(): Promise<void> {
    const { query } = this.#options;
    const [keys, devices, admission, now] = [new KeyRing(), new DeviceRing(), new Admission(), Date.now()];
    for (const tenant of await selectTenants(query)) admission.setTenant(tenant);
    for (const member of await selectMembers(query)) admission.setMember(member);
    for (const session of await selectEndedSessions(query)) admission.endSession(session, now);
    for (const { userId } of await selectRefusedPeople(query)) admission.refuse(userId);
    for (const key of await selectKnownKeys(query)) keys.set(key);
    for (const key of await selectKnownDevices(query)) devices.set(key);
    this.#keys = keys;
    this.#devices = devices;
    this.#admission = admission;
    this.#loaded = true;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #reload(changed: ReadonlySet<string>): Promise<void> {
    const { query } = this.#options;
    for (const [kind, reload] of Object.entries(this.#reloads)) {
      const ids = [...changed].filter((text) => text.startsWith(`${kind}:`)).map((text) => text.slice(kind.length + 1));
      if (ids.length > 0) await reload(query, ids);
    }
    this.#tell();
  }

  /** Revocations first. A row that is gone is forgotten, except an ended session: that one is forgotten by its age. */
  readonly #reloads: Readonly<Record<string, (query: Query, ids: readonly string[]) => Promise<void>>> = {
    session: async (query, ids) => {
      for (const session of await selectEndedSessions(query, ids)) this.#admission.endSession(session, Date.now());
    },
    person: async (query, ids) => {
      const refused = await selectRefusedPeople(query, ids);
      for (const id of ids) this.#admission.letIn(id);
      for (const { userId } of refused) this.#admission.refuse(userId);
    },
    key: async (query, ids) => {
      const found = await selectKnownKeys(query, ids);
      for (const id of ids) this.#keys.remove(id);
      for (const key of found) this.#keys.set(key);
    },
    device: async (query, ids) => {
      const found = await selectKnownDevices(query, ids);
      for (const id of ids) this.#devices.remove(id);
      for (const key of found) this.#devices.set(key);
    },
    member: async (query, ids) => {
      const found = await selectMembers(query, ids);
      for (const id of ids) this.#admission.removeMember(id);
      for (const member of found) this.#admission.setMember(member);
    },
    tenant: async (query, ids) => {
      const found = await selectTenants(query, ids);
      for (const id of ids) this.#admission.removeTenant(id);
      for (const tenant of found) this.#admission.setTenant(tenant);
    },
  };
}
