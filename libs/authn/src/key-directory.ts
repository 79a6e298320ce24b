import { BlockList, isIPv6 } from 'node:net';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';
import { pause, type Query, type Wake } from '@gatehouse/event-store';
import { type KnownKey, knownKeysChannel, selectKnownKeys } from './known-keys.js';
import { NotAuthenticated, type Principal } from './principal.js';

const uuid = /^[0-9a-f-]{36}$/;

interface Entry {
  readonly principal: Principal;
  readonly family: 'mas' | 'mau';
  readonly enabled: boolean;
  readonly expiresAtMs: number;
  readonly networks: BlockList | undefined;
}

export interface KeyDirectoryOptions {
  readonly service: string;
  readonly pepper: Pepper;
  /** Connections of the system role. */
  readonly query: Query;
  readonly wake: Wake;
  readonly onError?: (error: Error) => void;
}

/**
 * All keys in memory, so that a call costs one HMAC and one look-up and no database. Filled from `known_keys`, kept
 * current by its notifications; after any moment in which one may have been missed, everything is read anew.
 */
export class KeyDirectory {
  readonly #options: KeyDirectoryOptions;
  #byFingerprint = new Map<string, Entry>();
  #fingerprintOf = new Map<string, string>();
  #stop: (() => void)[] = [];
  readonly #stopped = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #loaded = false;

  constructor(options: KeyDirectoryOptions) {
    this.#options = options;
  }

  /** False until the first load: nobody is recognised before it. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get size(): number {
    return this.#byFingerprint.size;
  }

  start(): this {
    const { wake, service } = this.#options;
    const channel = knownKeysChannel(service);
    this.#stop = [
      wake.listen((on, keyId) => on === channel && uuid.test(keyId) && this.#enqueue(() => this.#reload(keyId))),
      wake.onReconnect(() => this.#enqueue(() => this.#reloadAll())),
    ];
    this.#enqueue(() => this.#reloadAll());
    return this;
  }

  async stop(): Promise<void> {
    for (const end of this.#stop) end();
    this.#stopped.abort();
    await this.#work;
  }

  /**
   * The principal of a `mas_` or `mau_` key. @throws NotAuthenticated
   * @param nowMs Unix time in milliseconds
   */
  recognise(key: string, ip: string, nowMs: number): Principal {
    if (!this.#loaded) throw new NotAuthenticated('not_ready');
    // The look-up is by HMAC: timing tells nothing about a key to somebody who lacks the pepper.
    const entry = this.#byFingerprint.get(keyFingerprint(this.#options.pepper, key).toString('base64'));
    if (!entry || !key.startsWith(`${entry.family}_`)) throw new NotAuthenticated('unknown');
    if (!entry.enabled) throw new NotAuthenticated('disabled');
    if (entry.expiresAtMs <= nowMs) throw new NotAuthenticated('expired');
    if (entry.networks && !isIn(entry.networks, ip)) throw new NotAuthenticated('network');
    return entry.principal;
  }

  // One at a time and in order, so that an older read never overwrites a newer one. Retried until it succeeds:
  // a revocation that was announced must not be forgotten because the database blinked.
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      while (!this.#stopped.signal.aborted) {
        try {
          return await work();
        } catch (error) {
          this.#options.onError?.(error as Error);
          await pause(250, this.#stopped.signal);
        }
      }
    });
  }

  async #reloadAll(): Promise<void> {
    const keys = await selectKnownKeys(this.#options.query);
    this.#byFingerprint = new Map();
    this.#fingerprintOf = new Map();
    for (const key of keys) this.#set(key);
    this.#loaded = true;
  }

  async #reload(keyId: string): Promise<void> {
    const [key] = await selectKnownKeys(this.#options.query, keyId);
    const old = this.#fingerprintOf.get(keyId);
    if (old) this.#byFingerprint.delete(old);
    if (key) this.#set(key);
  }

  #set(key: KnownKey): void {
    this.#fingerprintOf.set(key.keyId, key.fingerprint);
    this.#byFingerprint.set(key.fingerprint, {
      principal: { type: key.principalType, id: key.principalId, tenantId: key.tenantId, keyId: key.keyId },
      family: key.family,
      enabled: key.enabled,
      expiresAtMs: key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
      networks: key.networks ? toBlockList(key.networks) : undefined,
    });
  }
}

/** `BlockList` is Node's CIDR matcher; here it lists what is allowed. A network that can't be read allows nothing. */
function toBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    try {
      if (bits === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(bits), family);
    } catch {
      // Refused when the key was made; an event that holds one all the same must not open the key to the world.
    }
  }
  return list;
}

const isIn = (list: BlockList, ip: string): boolean => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  const address = mapped ?? ip;
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
};
