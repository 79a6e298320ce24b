import { unavailable } from '@gatehouse/http';
import { gauge } from '@gatehouse/telemetry';
import { hash, type Options, parseOptions, verify } from '@node-rs/argon2';

export interface HasherOptions {
  readonly memoryKib: number;
  readonly passes: number;
  readonly atOnce: number;
  readonly waiting: number;
  /** Mixed into every hash, and stored nowhere near them: a stolen table alone cannot be guessed against. */
  readonly secret: Uint8Array;
}

/**
 * Argon2id (RFC 9106), a bounded number at once: each holds tens of megabytes and a thread, so that more of them would
 * only make all of them late. The parameters stand in each hash (PHC form), and `isWeak` says which to make anew.
 */
export class PasswordHasher {
  readonly #options: HasherOptions;
  readonly #parameters: Options;
  readonly #waiting: (() => void)[] = [];
  readonly #removeGauge: () => void;
  #running = 0;

  constructor(options: HasherOptions) {
    this.#options = options;
    const { memoryKib, passes, secret } = options;
    // 2 is Argon2id; its enumeration is `const` and exists only while compiling.
    this.#parameters = { algorithm: 2, memoryCost: memoryKib, timeCost: passes, parallelism: 1, secret };
    const waiting = () => this.#waiting.length;
    this.#removeGauge = gauge('identity_password_hashes_waiting', 'Password hashes that wait for their turn', waiting);
  }

  stop(): void {
    this.#removeGauge();
  }

  /** @throws ProblemError `unavailable` when too many wait already */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, this.#parameters));
  }

  /** @throws ProblemError `unavailable` when too many wait already */
  verify(hashed: string, password: string): Promise<boolean> {
    return this.#inTurn(() => verify(hashed, password, { secret: this.#options.secret }));
  }

  /** Made with less memory or fewer passes than are asked for now. */
  isWeak(hashed: string): boolean {
    const { memoryCost, timeCost } = parseOptions(hashed);
    return memoryCost < this.#options.memoryKib || timeCost < this.#options.passes;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.atOnce) await this.#wait();
    else this.#running++;
    try {
      return await work();
    } finally {
      // The turn is handed on, not given back: nobody who comes now gets in before those who wait.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#options.waiting) throw unavailable('Too many sign-ins at once', 2);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
