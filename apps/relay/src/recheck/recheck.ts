import { RpcError } from '@gatehouse/bus';
import { comparePositions, type Position } from '@gatehouse/contracts';
import type { LiveSession } from '../session/live-session.js';
import type { PolicyCheck } from '../session/policy-check.js';
import type { Sessions } from '../session/sessions.service.js';

export interface RecheckOptions {
  readonly sessions: Sessions;
  readonly policy: PolicyCheck;
  /** When PostgreSQL was heard last, by a clock that only goes forward: without it changes of facts are not heard of either. */
  readonly heardAtMs: () => number;
  /** How long sessions go on although nobody can say whether they may. */
  readonly uncheckedMs: number;
  /** Until when the registry granted a session last, in Unix milliseconds. */
  readonly grantedUntil: (sessionId: string) => Promise<number | undefined>;
  readonly onError: (error: Error) => void;
}

/** Sessions that policy is asked about at once. */
const atOnce = 32;
const tickMs = 1_000;
const retryMs = 200;
/** Clocks differ, and a renewal takes its way: so much later than it says, a grant that was not renewed has ended. */
const expiryGraceMs = 60_000;

/**
 * Keeps sessions to what is true now. When facts change, policy is asked again about those that may rest on them, and what
 * it denies is cut. What cannot be asked goes on for a bounded time and ends then: nobody may keep a door open by keeping
 * policy away.
 */
export class Recheck {
  readonly #options: RecheckOptions;
  readonly #pending = new Set<LiveSession>();
  readonly #asking = new Set<LiveSession>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly counts = { asked: 0, denied: 0 };

  constructor(options: RecheckOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  /** @param position of policy's log: an answer must have read up to it */
  doubt(isMeant: (session: LiveSession) => boolean, cause: string, position?: Position): void {
    for (const session of this.#options.sessions.values()) {
      if (session.ending || !isMeant(session)) continue;
      const before = session.doubt;
      const newest = latest(position, before?.position);
      // How long a doubt may last counts from the first one.
      const sinceMs = before?.sinceMs ?? performance.now();
      session.doubt = { cause, sinceMs, ...(newest && { position: newest }) };
      this.#pending.add(session);
    }
    this.#pump();
  }

  /** Ends sessions whose credential is no longer one, or whose person is gone. In memory: nobody is asked. */
  checkCallers(): void {
    const { sessions, policy } = this.#options;
    const now = Date.now();
    for (const session of sessions.values())
      if (!session.ending && !policy.stands(session.claims, now))
        sessions.end(session, { reason: 'revoked', revoked: { cause: 'credential' } });
  }

  #pump(): void {
    for (const session of this.#pending) {
      if (this.#asking.size >= atOnce || this.#stopped) return;
      this.#pending.delete(session);
      if (this.#asking.has(session)) continue;
      this.#asking.add(session);
      void this.#ask(session).finally(() => {
        this.#asking.delete(session);
        this.#pump();
      });
    }
  }

  async #ask(session: LiveSession): Promise<void> {
    const { sessions, policy, onError } = this.#options;
    const { doubt } = session;
    if (!doubt || session.ending) return;
    try {
      this.counts.asked++;
      const verdict = await policy.ask(session.claims, doubt.position);
      if (!verdict.allowed) {
        this.counts.denied++;
        // Doubted again meanwhile: the answer may rest on that already.
        const { cause } = session.doubt ?? doubt;
        const revoked = { cause, ...(verdict.decision !== undefined && { decision: verdict.decision }) };
        return sessions.end(session, { reason: 'revoked', revoked });
      }
      if (session.doubt === doubt) session.doubt = undefined;
    } catch (error) {
      if (!(error instanceof RpcError)) onError(error as Error);
    }
    // Somebody doubted it again while it was asked about, or it could not be asked about.
    if (session.doubt) setTimeout(() => this.#again(session), session.doubt === doubt ? retryMs : 0);
  }

  #again(session: LiveSession): void {
    if (session.ending || !session.doubt) return;
    this.#pending.add(session);
    this.#pump();
  }

  #tick(): void {
    const { sessions, policy, heardAtMs, uncheckedMs } = this.#options;
    const nowMs = performance.now();
    this.checkCallers();
    const failing = policy.failingSinceMs ?? nowMs;
    const isUnchecked = nowMs - Math.min(failing, heardAtMs()) > uncheckedMs;
    for (const session of sessions.values()) {
      if (session.ending) continue;
      if (isUnchecked || (session.doubt && nowMs - session.doubt.sinceMs > uncheckedMs))
        sessions.end(session, { reason: 'unavailable' });
      else if (session.idle && nowMs - session.idle.sinceMs > session.idle.forMs)
        sessions.end(session, { reason: session.idle.reason });
      else if (Date.now() > session.grantedUntilMs + expiryGraceMs) void this.#expire(session);
    }
    // One question now and then tells whether policy is there at all.
    if (nowMs - policy.askedAtMs > uncheckedMs / 4) this.#probe();
  }

  #probe(): void {
    const probed = [...this.#options.sessions.values()].find(({ ending }) => !ending);
    if (probed) this.doubt((session) => session === probed, 'probe');
  }

  async #expire(session: LiveSession): Promise<void> {
    const { sessions, grantedUntil, onError, uncheckedMs } = this.#options;
    const before = session.grantedUntilMs;
    // Asked once at a time, and if the answer does not come, not for ever.
    session.grantedUntilMs = Date.now() - expiryGraceMs + Math.min(uncheckedMs, 10_000);
    try {
      const until = await grantedUntil(session.claims.sid);
      if (until !== undefined && until > before) session.grantedUntilMs = until;
      else sessions.end(session, { reason: session.idle?.reason === 'closed' ? 'closed' : 'expired' });
    } catch (error) {
      onError(error as Error);
    }
  }
}

const latest = (one: Position | undefined, other: Position | undefined): Position | undefined => {
  if (!one || !other) return one ?? other;
  return comparePositions(one, other) > 0 ? one : other;
};
