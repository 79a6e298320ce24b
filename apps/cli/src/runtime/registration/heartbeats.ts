import { setTimeout as pause } from 'node:timers/promises';
import { Backoff } from '@gatehouse/transport';
import { RefusedError } from '../../output/problem.js';
import type { DeviceFiles, DeviceState } from './device-files.js';
import { isPassing } from './register-device.js';
import type { HeartbeatAnswer, RegistryApi, StateAnswer } from './registry-api.js';
import { readSystem } from './system-information.js';

const defaultIntervalMs = 60_000;

export interface HeartbeatContext {
  readonly api: RegistryApi;
  /** The key of the device is another one now: what asks with it. */
  readonly rekeyed: (apiKey: string) => RegistryApi;
  readonly files: DeviceFiles;
  readonly state: DeviceState;
  readonly say: (priority: number, text: string) => void;
  readonly signal: AbortSignal;
  /** Keys, relays or grant keys are others now. */
  readonly changed: () => void;
  readonly backoff?: Backoff;
}

/**
 * Tells the registry that the device lives, and takes what it answers, until the signal. Resolves with `removed` when the
 * registry says so to the holder of the identity key: nobody else can make a device stop.
 */
export async function keepHeartbeats(context: HeartbeatContext): Promise<'removed' | 'stopped'> {
  const { say, signal } = context;
  let { api } = context;
  const backoff = context.backoff ?? new Backoff({ firstMs: 1_000, mostMs: 60_000 });
  let isTold = false;
  for (;;) {
    let waitMs = backoff.next();
    try {
      // One that was under way when the runtime was killed.
      if (context.files.hasNextKeys()) await rotate({ ...context, api });
      const answer = await api.heartbeat(readSystem());
      await take(answer, { ...context, api });
      backoff.reset();
      isTold = false;
      waitMs = jittered((answer.intervalSeconds ?? defaultIntervalMs / 1_000) * 1_000);
    } catch (error) {
      if (signal.aborted) return 'stopped';
      const answer = isPassing(error) ? undefined : await ask({ ...context, api });
      if (isOver(answer)) return 'removed';
      // Its key had ended: whoever proves the identity key is given the next one.
      if (answer?.apiKey !== undefined) api = context.rekeyed(answer.apiKey);
      // Once: a registry that is away for a night fills no log.
      if (!isTold) say(4, `no heartbeat: ${(error as Error).message}`);
      isTold = true;
      waitMs = Math.max(waitMs, isPassing(error) || answer?.apiKey !== undefined ? 0 : 10_000);
    }
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 'stopped';
  }
}

/** So that devices which started together do not stay together. */
const jittered = (ms: number): number => ms * (0.8 + Math.random() * 0.4);

async function take(answer: HeartbeatAnswer, context: HeartbeatContext): Promise<void> {
  const { files, changed } = context;
  const known = files.state() ?? context.state;
  const { relays, grantKeys } = answer;
  const next = { ...known, ...(relays?.length && { relays }), ...(grantKeys?.length && { grantKeys }) };
  if (JSON.stringify(next) !== JSON.stringify(known)) {
    files.writeState(next);
    changed();
  }
  if (answer.rotationDue === true) await rotate(context);
}

/** The new keys are on the disk before the registry hears of them, and the old ones until it has. */
async function rotate({ api, files, say, changed }: HeartbeatContext): Promise<void> {
  const next = files.nextKeys();
  try {
    await api.rotate(next.public, files.keys().identity);
  } catch (error) {
    // Signed by a key that the registry has replaced already: the answer to an earlier try was lost.
    if (!(error instanceof RefusedError) || error.code !== 'already_rotated') throw error;
  }
  files.adoptNextKeys();
  say(6, `the keys of this device were rotated; its fingerprint is ${next.fingerprint}`);
  changed();
}

type Asking = Pick<HeartbeatContext, 'api' | 'files' | 'state'>;

/** What the registry says to the holder of the identity key. */
async function ask({ api, files, state }: Asking): Promise<StateAnswer | undefined> {
  if (state.requestId === undefined) return undefined;
  return api.state(state.requestId, state.nonce ?? '', files.keys().identity, 0).catch(() => undefined);
}

const isOver = (answer: StateAnswer | undefined): boolean =>
  answer?.state === 'removed' || answer?.state === 'rejected';

export const isRemoved = async (asking: Asking): Promise<boolean> => isOver(await ask(asking));
