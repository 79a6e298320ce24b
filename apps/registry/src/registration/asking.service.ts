import { pause } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type { DeviceRow } from '../device/device-rows.js';
import type { GrantKeys } from '../grant-key/grant-keys.js';
import { Refusal } from '../refusal.js';
import type { DeviceKeyMint } from './device-keys.service.js';
import { parseOwner } from './owner-reference.js';
import type { Owners } from './owners.service.js';
import { assertProof, keysOf } from './proof.js';
import type { RegistrationCounts } from './registration-counts.js';
import type { RegistrationInput, StateInput } from './registration-input.js';
import { hasExpired } from './registration-terms.js';
import type { RegistrationWaits } from './registration-waits.js';
import type { Registrations, Requested } from './registrations.service.js';
import type { UnownedRegistrations } from './unowned-registrations.js';

export interface Asked {
  readonly ip: string;
  readonly correlationId: string;
  /** Unix milliseconds. */
  readonly now: number;
}

export interface AskingOptions {
  readonly publicUrl: string;
  readonly relays: readonly string[];
  readonly grantKeys: GrantKeys;
  readonly owners: Owners;
  readonly counts: RegistrationCounts;
  readonly unowned: UnownedRegistrations;
  readonly registrations: Registrations;
  readonly mint: DeviceKeyMint;
  readonly waits: RegistrationWaits;
}

/** Whether there was an owner is not to be measured: every answer takes at least this long. */
const atLeastMs = 60;

/** What devices ask before they are known: with a proof, and nothing else. */
export class Asking {
  constructor(private readonly options: AskingOptions) {}

  /** @throws ProblemError `proof_invalid`, `proof_stale`, `rate_limited`, `validation_failed`; Refusal `registration_rejected` */
  async register(input: RegistrationInput, asked: Asked): Promise<Requested> {
    const { publicUrl } = this.options;
    const reference = parseOwner(input.owner);
    if (!reference)
      throw new ProblemError('validation_failed', undefined, {
        errors: [{ path: 'body.owner', message: 'is neither user:<email> nor org:<id>' }],
      });
    const { identity: identityKey } = input.keys;
    assertProof({ purpose: 'registration', identityKey, publicUrl, said: input, now: asked.now });
    const floor = pause(atLeastMs);
    try {
      return await this.#register(input, reference, asked);
    } finally {
      await floor;
    }
  }

  async #register(
    input: RegistrationInput,
    reference: NonNullable<ReturnType<typeof parseOwner>>,
    asked: Asked,
  ): Promise<Requested> {
    const { owners, counts, unowned, registrations } = this.options;
    const keys = keysOf(input.keys);
    const found = await owners.find(reference);
    const known = found && (await registrations.byFingerprint(found.tenantId, keys.fingerprint));
    if (known?.status === 'rejected') throw new Refusal('registration_rejected');
    // Who asks again what it has asked already takes nothing away from others.
    const isAgain = found
      ? known?.requestState === 'pending'
      : await unowned.isWaiting(input.owner, keys.identity, asked.now);
    if (!isAgain) await counts.take(asked.ip, input.owner.toLowerCase(), asked.now);
    if (found) return registrations.request(found, keys, input, asked);
    if (!isAgain) await unowned.refuseFlood(input.owner, asked.now);
    const { requestId, deviceId } = await unowned.take(input.owner, keys.identity, asked.now);
    return { requestId, deviceId, state: 'pending' };
  }

  /**
   * What became of a request, and the key of the device for the one who fetches it first. Undefined for no request.
   *
   * @throws ProblemError `proof_invalid`, `proof_stale`, `unavailable`
   */
  async state(
    requestId: string,
    input: StateInput,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
    asked: Asked,
  ) {
    const { registrations, unowned, waits, publicUrl } = this.options;
    const first = (await registrations.byRequest(requestId)) ?? (await unowned.find(requestId));
    if (!first) return undefined;
    const place = { requestId };
    assertProof({ purpose: 'state', identityKey: first.identityKey, publicUrl, said: input, place, now: asked.now });
    const look = async () => ('status' in first ? registrations.byRequest(requestId) : undefined);
    const isDone = (row: DeviceRow | undefined) => 'status' in first && row?.requestState !== 'pending';
    const row = await waits.until(look, isDone, waitMs, signal);
    const { deviceId } = first;
    if (!('status' in first))
      return { state: hasExpired(first.requestedAt.getTime(), asked.now) ? 'expired' : 'pending', deviceId };
    if (!row || row.status === 'removed') return { state: 'removed', deviceId };
    if (row.requestState === 'rejected') return { state: 'rejected', deviceId };
    if (row.requestState === 'pending')
      return { state: hasExpired(row.requestedAt.getTime(), asked.now) ? 'expired' : 'pending', deviceId };
    return this.#approved(row, input.nonce, asked);
  }

  async #approved(row: DeviceRow, nonce: string | undefined, { correlationId, now }: Asked) {
    const { mint, publicUrl, relays, grantKeys } = this.options;
    const { apiKey } = await mint.fetch(row, nonce, correlationId, now);
    return {
      state: 'approved',
      deviceId: row.deviceId,
      name: row.name,
      tenantId: row.tenantId,
      ...(apiKey !== undefined && { apiKey }),
      grantKeys: grantKeys.told,
      relays,
      publicUrl,
    };
  }
}
