import { call } from '@gatehouse/bus';
import { grantKeys } from '@gatehouse/contracts';
import { pause } from '@gatehouse/event-store';
import { type GrantClaims, GrantError, type GrantKeyRing, grantKeyRing, verifyGrant } from '@gatehouse/session';
import type { NatsConnection } from '@nats-io/transport-node';

export interface GrantKeysOptions {
  readonly connection: () => NatsConnection;
  readonly onError: (error: Error) => void;
}

/** The registry cannot be asked, and was not asked before. */
export class GrantKeysUnknown extends Error {
  override readonly name = 'GrantKeysUnknown';
}

const refreshMs = 60_000;
const retryMs = 1_000;

/** The keys that the registry signs grants with. Asked for every minute, and when a grant names one that is not known. */
export class GrantKeys {
  readonly #options: GrantKeysOptions;
  readonly #stopped = new AbortController();
  #ring: GrantKeyRing | undefined;
  #asking: Promise<void> | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: GrantKeysOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
  }

  /** @throws GrantError; GrantKeysUnknown when it cannot be told */
  async verify(text: string): Promise<GrantClaims> {
    if (!this.#ring) await this.#ask();
    if (!this.#ring) throw new GrantKeysUnknown('the registry cannot be asked for its keys');
    try {
      return verifyGrant(text, this.#ring, { nowMs: Date.now() });
    } catch (error) {
      // Signed with a key that is younger than what we know, or with one that somebody made up: asked once a second.
      const maybeNew = error instanceof GrantError && error.code === 'unknown_key';
      if (!maybeNew || performance.now() - this.#askedAtMs < retryMs) throw error;
      await this.#ask();
      return verifyGrant(text, this.#ring, { nowMs: Date.now() });
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#ask();
      await pause(this.#ring ? refreshMs : retryMs, signal);
    }
  }

  #ask(): Promise<void> {
    this.#askedAtMs = performance.now();
    this.#asking ??= this.#refresh().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #refresh(): Promise<void> {
    try {
      const { keys } = await call(this.#options.connection(), grantKeys, {}, 2_000);
      this.#ring = grantKeyRing(keys);
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#options.onError(error as Error);
    }
  }
}
