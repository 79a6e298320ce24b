import { Backoff } from '@gatehouse/transport';
import { type GrantScope, grantClaims } from '../grant.js';

/** What the registry answers: see `POST /api/v1/devices/{device}/sessions`. */
export interface Granted {
  readonly grant: string;
  readonly sessionId: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  /** `sessionKey`: base64url of the device's X25519 key. */
  readonly device: { readonly id: string; readonly name: string; readonly sessionKey: string };
  readonly relays: readonly string[];
}

export interface GrantRequest {
  readonly scope: GrantScope;
  /** Of exec: what the scope's hash is of. */
  readonly command?: string | readonly string[];
  readonly reason?: string;
  /** Base64url of the X25519 key that the grant is for. */
  readonly clientKey: string;
  /** Of the session that is renewed. */
  readonly sid?: string;
}

/** The registry said no, and would again. Everything else that `requestGrant` throws is tried again while there is time. */
export class GrantRefused extends Error {
  override readonly name = 'GrantRefused';
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export type RequestGrant = (request: GrantRequest) => Promise<Granted>;

const longestMs = 2 ** 31 - 1;

/** The grant of one session, which is replaced by a newer one when half of its time went by. */
export class Granting {
  /** Milliseconds of our own clock at which the grant ends. */
  #endsAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #renewal: Promise<void> | undefined;
  #isClosed = false;

  private constructor(
    private readonly ask: () => Promise<Granted>,
    private granted: Granted,
    private readonly onRenewed: (granted: Granted) => void,
    private readonly onRefused: (error: GrantRefused) => void,
  ) {
    this.#arm();
  }

  /** @throws whatever `requestGrant` throws */
  static async begin(
    requestGrant: RequestGrant,
    request: GrantRequest,
    onRenewed: (granted: Granted) => void,
    onRefused: (error: GrantRefused) => void,
  ): Promise<Granting> {
    const first = await requestGrant(request);
    const ask = () => requestGrant({ ...request, sid: first.sessionId });
    return new Granting(ask, first, onRenewed, onRefused);
  }

  get current(): Granted {
    return this.granted;
  }

  /** A newer grant; several callers at once get the same. Resolves when there is one, or when that is of no use any more. */
  renew(): Promise<void> {
    this.#renewal ??= this.#renewNow().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const lifeMs = lifeOf(this.granted);
    this.#endsAt = performance.now() + lifeMs;
    this.#timer = setTimeout(() => void this.renew(), Math.min(lifeMs / 2, longestMs));
    this.#timer.unref();
  }

  async #renewNow(): Promise<void> {
    const backoff = new Backoff({ firstMs: 1_000, mostMs: 15_000 });
    while (!this.#isClosed) {
      try {
        const granted = await this.ask();
        if (this.#isClosed) return;
        if (granted.sessionId !== this.granted.sessionId)
          throw new GrantRefused('wrong_session', 'another session was granted');
        this.granted = granted;
        this.#arm();
        return this.onRenewed(granted);
      } catch (error) {
        if (error instanceof GrantRefused) {
          this.close();
          return this.onRefused(error);
        }
        if (performance.now() > this.#endsAt) return;
        await new Promise((next) => setTimeout(next, 100 + backoff.next()));
      }
    }
  }
}

/** How long a grant lives by the registry's clock: ours may differ. */
function lifeOf({ grant, expiresAt }: Granted): number {
  try {
    const claims = grantClaims.parse(JSON.parse(Buffer.from(grant.split('.')[1] ?? '', 'base64url').toString('utf8')));
    return (claims.exp - claims.iat) * 1_000;
  } catch {
    return Math.max(1_000, Date.parse(expiresAt) - Date.now());
  }
}
