import { BlockList, isIPv6 } from 'node:net';
import type { KnownKey } from './known-keys.js';
import { NotAuthenticated, type Principal } from './principal.js';

interface Entry {
  readonly principal: Principal;
  readonly family: 'mas' | 'mau';
  readonly enabled: boolean;
  readonly expiresAtMs: number;
  readonly networks: BlockList | undefined;
  readonly fingerprint: string;
  readonly previous: string | undefined;
  readonly previousUntilMs: number;
}

/** All keys by fingerprint. A rotated key is there twice: its text, and the one before it until that one's time is up. */
export class KeyRing {
  readonly #byFingerprint = new Map<string, Entry>();
  readonly #byId = new Map<string, Entry>();

  /** How many keys there are. */
  get size(): number {
    return this.#byId.size;
  }

  set(key: KnownKey): void {
    this.remove(key.keyId);
    const entry = toEntry(key);
    this.#byId.set(key.keyId, entry);
    if (entry.previous !== undefined) this.#byFingerprint.set(entry.previous, entry);
    this.#byFingerprint.set(entry.fingerprint, entry);
  }

  remove(keyId: string): void {
    const old = this.#byId.get(keyId);
    if (!old) return;
    this.#byId.delete(keyId);
    for (const fingerprint of [old.fingerprint, old.previous])
      if (fingerprint !== undefined && this.#byFingerprint.get(fingerprint) === old)
        this.#byFingerprint.delete(fingerprint);
  }

  clear(): void {
    this.#byId.clear();
    this.#byFingerprint.clear();
  }

  /**
   * The principal of the key with this fingerprint. @throws NotAuthenticated
   * @param family What the key's text begins with
   * @param nowMs Unix time in milliseconds
   */
  recognise(fingerprint: string, family: string, ip: string, nowMs: number): Principal {
    if (this.#byFingerprint.get(fingerprint)?.family !== family) throw new NotAuthenticated('unknown');
    return this.recall(fingerprint, ip, nowMs);
  }

  /** Whether the key of this id would open the door now, from an address it is for; undefined: there is none. */
  stands(keyId: string, nowMs: number): boolean | undefined {
    const entry = this.#byId.get(keyId);
    return entry?.enabled && entry.expiresAtMs > nowMs;
  }

  /** When the key with this fingerprint ends by itself, in Unix milliseconds; infinite for one that does not. */
  endOf(fingerprint: string): number {
    return this.#byFingerprint.get(fingerprint)?.expiresAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** The principal of a key that was recognised before, if it would be now. @throws NotAuthenticated */
  recall(fingerprint: string, ip: string, nowMs: number): Principal {
    const entry = this.#byFingerprint.get(fingerprint);
    if (!entry) throw new NotAuthenticated('unknown');
    const { principal } = entry;
    if (!entry.enabled) throw new NotAuthenticated('disabled', principal);
    if (fingerprint !== entry.fingerprint && entry.previousUntilMs <= nowMs)
      throw new NotAuthenticated('rotated', principal);
    if (entry.expiresAtMs <= nowMs) throw new NotAuthenticated('expired', principal);
    if (entry.networks && !isIn(entry.networks, ip)) throw new NotAuthenticated('network', principal);
    return principal;
  }
}

const toEntry = (key: KnownKey): Entry => ({
  principal: Object.freeze({
    type: key.principalType,
    id: key.principalId,
    tenantId: key.tenantId,
    keyId: key.keyId,
    ...(key.scopes && { scopes: key.scopes }),
  }),
  family: key.family,
  enabled: key.enabled,
  expiresAtMs: key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY,
  networks: key.networks ? toBlockList(key.networks) : undefined,
  fingerprint: key.fingerprint,
  previous: key.previousFingerprint ?? undefined,
  previousUntilMs: key.previousUntil?.getTime() ?? 0,
});

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
