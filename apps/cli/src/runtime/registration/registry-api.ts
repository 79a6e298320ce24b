import type { KeyObject } from 'node:crypto';
import { signDeviceProof } from '@gatehouse/crypto';
import { z } from 'zod';
import type { Client } from '../../client.js';
import { RefusedError } from '../../output/problem.js';
import type { SystemInformation } from './system-information.js';

/** Seconds that a question may wait for its answer; the client gives up after thirty. */
const waitSeconds = 25;

const grantKeyList = z.array(z.object({ kid: z.string(), publicKey: z.string() })).max(8);
const relayList = z.array(z.string().max(300)).max(64);

const requested = z.object({ requestId: z.string(), deviceId: z.string(), state: z.string() });
const stateAnswer = z.object({
  state: z.enum(['pending', 'approved', 'rejected', 'expired', 'removed']),
  deviceId: z.string(),
  name: z.string().optional(),
  tenantId: z.string().optional(),
  apiKey: z
    .string()
    .regex(/^m87_[A-Za-z0-9]{8}\.[A-Za-z0-9]{40}$/)
    .optional(),
  grantKeys: grantKeyList.optional(),
  relays: relayList.optional(),
  publicUrl: z.string().optional(),
});
export type StateAnswer = z.infer<typeof stateAnswer>;

const heartbeatAnswer = z.object({
  deviceId: z.string().optional(),
  rotationDue: z.boolean().optional(),
  relays: relayList.optional(),
  grantKeys: grantKeyList.optional(),
  intervalSeconds: z.number().min(1).max(3_600).optional(),
});
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswer>;

export interface Keys {
  readonly identity: KeyObject;
  readonly public: { readonly identity: string; readonly session: string };
}

/** What a device says to the registry. What it says before it is known is signed by its identity key. */
export class RegistryApi {
  /** Of our clock against the registry's: a device without a battery wakes up in 1970. */
  #offsetMs = 0;

  constructor(
    private readonly client: Client,
    /** As it is signed over. */
    private readonly publicUrl: string,
  ) {}

  async register(owner: string, description: object, keys: Keys): Promise<z.infer<typeof requested>> {
    const said = { owner, description, keys: keys.public };
    return requested.parse(
      await this.#signed('registration', '/api/v1/devices/registrations', said, {}, keys.identity),
    );
  }

  /** Waits a while for an answer other than `pending`. */
  async state(requestId: string, nonce: string, identity: KeyObject, wait = waitSeconds): Promise<StateAnswer> {
    const path = `/api/v1/devices/registrations/${encodeURIComponent(requestId)}/state?wait=${wait}`;
    return stateAnswer.parse(await this.#signed('state', path, { nonce }, { requestId }, identity));
  }

  async heartbeat(system: SystemInformation): Promise<HeartbeatAnswer> {
    return heartbeatAnswer.parse(await this.client.post('/api/v1/devices/self/heartbeat', { system }));
  }

  /** Signed by the key that is given up. */
  async rotate(next: Keys['public'], identity: KeyObject): Promise<void> {
    const body = this.#sign('keys', { keys: next }, {}, identity);
    await this.client.post('/api/v1/devices/self/keys', body);
  }

  async #signed(purpose: Purpose, path: string, said: object, place: object, identity: KeyObject): Promise<unknown> {
    const send = () => this.client.postPublic(path, this.#sign(purpose, said, place, identity));
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'proof_stale') throw error;
      const now = Date.parse(String(error.members.now));
      if (Number.isNaN(now)) throw error;
      this.#offsetMs = now - Date.now();
      return send();
    }
  }

  #sign(purpose: Purpose, said: object, place: object, identity: KeyObject): object {
    const all = { ...said, signedAt: new Date(Date.now() + this.#offsetMs).toISOString() };
    return { ...all, signature: signDeviceProof(identity, purpose, this.publicUrl, { ...all, ...place }) };
  }
}

type Purpose = Parameters<typeof signDeviceProof>[1];
