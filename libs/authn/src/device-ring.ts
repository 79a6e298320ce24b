import type { KnownDevice } from './known-devices.js';
import { NotAuthenticated, type Principal } from './principal.js';

interface Entry {
  readonly principal: Principal;
  readonly fingerprint: string;
  readonly expiresAtMs: number;
}

/** All keys of devices by fingerprint. */
export class DeviceRing {
  readonly #byFingerprint = new Map<string, Entry>();
  readonly #byId = new Map<string, Entry>();

  set({ keyId, deviceId, tenantId, fingerprint, expiresAt }: KnownDevice): void {
    this.remove(keyId);
    const principal = Object.freeze({ type: 'device', id: deviceId, tenantId, keyId } as const);
    const entry = { principal, fingerprint, expiresAtMs: expiresAt?.getTime() ?? Number.POSITIVE_INFINITY };
    this.#byId.set(keyId, entry);
    this.#byFingerprint.set(fingerprint, entry);
  }

  remove(keyId: string): void {
    const old = this.#byId.get(keyId);
    if (!old) return;
    this.#byId.delete(keyId);
    if (this.#byFingerprint.get(old.fingerprint) === old) this.#byFingerprint.delete(old.fingerprint);
  }

  has(fingerprint: string): boolean {
    return this.#byFingerprint.has(fingerprint);
  }

  /** When the key with this fingerprint ends by itself, in Unix milliseconds; undefined for an unknown one. */
  endOf(fingerprint: string): number | undefined {
    return this.#byFingerprint.get(fingerprint)?.expiresAtMs;
  }

  /** @throws NotAuthenticated */
  recognise(fingerprint: string, nowMs: number): Principal {
    const entry = this.#byFingerprint.get(fingerprint);
    if (!entry) throw new NotAuthenticated('unknown');
    if (entry.expiresAtMs <= nowMs) throw new NotAuthenticated('expired', entry.principal);
    return entry.principal;
  }
}
