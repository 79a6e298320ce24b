import { readFileSync } from 'node:fs';
import {
  type ClientSession,
  type Granted,
  GrantRefused,
  type GrantRequest,
  RelayRefused,
  type SessionClient,
  sessionClient,
} from '@gatehouse/session';
import { StreamReset, type TlsTrust } from '@gatehouse/transport';
import type { Client } from '../../client.js';
import type { Tools } from '../../command.js';
import { exitCodes, Failure } from '../../failure.js';
import { RefusedError } from '../../output/problem.js';
import type { Settings } from '../../settings/settings.js';
import { deviceUrl } from '../devices-api.js';
import type { Dial } from './dial.js';
import { endFailure } from './failures.js';

/** The way to devices through the registry, which decides, and its relays. Keys are made here, and are on no disk. */
export class RegistryDial {
  readonly #clients = new Map<string, SessionClient>();

  constructor(private readonly tools: Tools) {}

  /** Streams of one call for the same things are of one session: one decision for each action, one grant, renewed while it lasts. */
  readonly to = (device: string): Dial => {
    const sessions = new Map<string, Promise<ClientSession>>();
    return async (scope, open, extra = {}) => {
      const key = JSON.stringify(scope);
      const known = sessions.get(key);
      const session = known ?? this.#clientOf(device).begin({ scope, ...extra });
      sessions.set(key, session);
      try {
        return await (await session).open(open);
      } catch (error) {
        // What is over is not tried again: the next one is decided anew.
        sessions.delete(key);
        throw failureOf(error);
      }
    };
  };

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  #clientOf(device: string): SessionClient {
    const made = this.#clients.get(device) ?? this.#connect(device);
    this.#clients.set(device, made);
    return made;
  }

  #connect(device: string): SessionClient {
    const http = this.tools.client();
    return sessionClient({
      trust: trustOf(this.tools.settings()),
      agent: 'gatehouse',
      requestGrant: (request) => requestGrant(http, device, request),
    });
  }
}

const path = '/sessions';

/** A refusal of a renewal ends the session; of the first one it is what the person reads. */
async function requestGrant(http: Client, device: string, request: GrantRequest): Promise<Granted> {
  try {
    return await http.post<Granted>(deviceUrl(device, path), request);
  } catch (error) {
    const isNo = error instanceof RefusedError && error.exitCode !== exitCodes.unavailable;
    throw isNo && request.sid !== undefined ? new GrantRefused(error.code ?? 'refused', error.message) : error;
  }
}

function trustOf({ ca, trustInvalidCertificate }: Settings): TlsTrust {
  if (trustInvalidCertificate) return { trustAnything: true };
  return ca ? { ca: readFileSync(ca.value, 'utf8') } : {};
}

const offline = 'gatehouse DEVICE status tells when it was there';

function failureOf(error: unknown): unknown {
  if (error instanceof StreamReset && error.end.code === 'device_offline')
    return new Failure(exitCodes.unavailable, 'the device is not there (device_offline)', offline);
  if (error instanceof StreamReset) return endFailure(error.end);
  if (error instanceof RelayRefused)
    return new Failure(
      exitCodes.unavailable,
      `the relay takes nobody at the moment (${error.code})`,
      'Try again in a moment',
    );
  if (error instanceof GrantRefused) return new Failure(exitCodes.forbidden, error.message);
  return error;
}
