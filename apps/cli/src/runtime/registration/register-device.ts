import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Backoff } from '@gatehouse/transport';
import { exitCodes, Failure } from '../../failure.js';
import { RefusedError } from '../../output/problem.js';
import type { DeviceFiles, DeviceState } from './device-files.js';
import type { RegistryApi, StateAnswer } from './registry-api.js';
import { describeDevice } from './system-information.js';

export interface RegistrationContext {
  readonly api: RegistryApi;
  readonly files: DeviceFiles;
  readonly url: string;
  readonly owner: string;
  readonly say: (text: string) => void;
  readonly keepKey: (apiKey: string) => void;
  readonly signal: AbortSignal;
  readonly backoff?: Backoff;
}

/**
 * Asks to be let in, and waits until somebody decided. What it learned is on the disk: after a restart it goes on waiting for
 * the same request.
 *
 * @throws Failure when the device was rejected or removed: final, nothing is tried again
 */
export async function registerDevice(context: RegistrationContext): Promise<DeviceState> {
  const { files, say, owner, url } = context;
  const keys = files.keys();
  const known = files.state();
  let state: DeviceState =
    known?.url === url && known.owner === owner && known.requestId !== undefined ? known : { ...fresh(context) };
  for (;;) {
    if (state.requestId === undefined) {
      const asked = await persist(context, () => context.api.register(owner, describeDevice(), keys));
      state = { ...state, requestId: asked.requestId, deviceId: asked.deviceId };
      files.writeState(state);
    }
    say(`Waiting for approval by ${owner}. Compare the fingerprint: ${keys.fingerprint}`);
    say(`  gatehouse devices approve ${state.requestId} --fingerprint ${keys.fingerprint}`);
    state = await decided(context, state);
    if (state.status === 'approved') return state;
    say('The registration was too old or is not known any more: asking again');
  }
}

const fresh = ({ url, owner }: RegistrationContext): DeviceState => ({
  ...{ url, owner, status: 'pending', nonce: randomBytes(32).toString('base64url'), grantKeys: [], relays: [] },
});

async function decided(context: RegistrationContext, state: DeviceState): Promise<DeviceState> {
  const { api, files } = context;
  const { identity } = files.keys();
  for (;;) {
    const answer = await persist(context, () => api.state(state.requestId ?? '', state.nonce ?? '', identity)).catch(
      (error: unknown) => {
        if (error instanceof RefusedError && error.status === 404) return undefined;
        throw error;
      },
    );
    if (answer === undefined || answer.state === 'expired') return { ...fresh(context) };
    if (answer.state === 'rejected' || answer.state === 'removed') throw final(context, state, answer.state);
    if (answer.state === 'approved') return approved(context, state, answer);
  }
}

function approved({ files, keepKey, say }: RegistrationContext, state: DeviceState, answer: StateAnswer): DeviceState {
  const { apiKey, deviceId, name, tenantId, grantKeys = [], relays = [], publicUrl } = answer;
  if (apiKey === undefined)
    throw new Failure(
      exitCodes.negative,
      'the key of this device was fetched before, and it is not here',
      'Remove the device, then here: gatehouse runtime logout, and run it again',
    );
  // The key first: without it the state could not be used, and it can be fetched again for a while.
  keepKey(apiKey);
  const told = { deviceId, grantKeys, relays, ...(name && { name }), ...(tenantId && { tenantId }) };
  const next: DeviceState = { ...state, ...told, status: 'approved', ...(publicUrl && { publicUrl }) };
  files.writeState(next);
  say(`Approved as ${name ?? deviceId}`);
  return next;
}

function final({ files }: RegistrationContext, state: DeviceState, status: 'rejected' | 'removed'): Failure {
  files.writeState({ ...state, status });
  return refusal(status);
}

export const refusal = (status: 'rejected' | 'removed'): Failure =>
  new Failure(
    exitCodes.forbidden,
    status === 'rejected' ? 'this device was rejected' : 'this device was removed',
    status === 'rejected'
      ? 'An administrator can lift it; gatehouse runtime logout makes this another device'
      : 'gatehouse runtime logout forgets it; afterwards it can ask again, as another device',
  );

/** Until it works; not when trying again cannot help. */
async function persist<T>(context: RegistrationContext, work: () => Promise<T>): Promise<T> {
  const backoff = context.backoff ?? new Backoff({ firstMs: 1_000, mostMs: 60_000 });
  for (;;) {
    try {
      context.signal.throwIfAborted();
      return await work();
    } catch (error) {
      if (error instanceof RefusedError && error.code === 'registration_rejected') {
        const { url, owner } = context;
        throw final(context, { ...fresh(context), url, owner }, 'rejected');
      }
      if (!isPassing(error)) throw error;
      context.say(`${(error as Error).message}; trying again`);
      await pause(backoff.next(), undefined, { signal: context.signal });
    }
  }
}

/** An overload, a restart, a network that is away. */
export const isPassing = (error: unknown): boolean =>
  error instanceof RefusedError
    ? error.status === 429 || error.status === 408 || error.status >= 500
    : error instanceof Failure && error.exitCode === exitCodes.unavailable;
