import { RpcError } from '@gatehouse/bus';
import { StoreUnavailable } from '@gatehouse/event-store';
import type { GrantClaims } from '@gatehouse/session';
import type { Tunnel } from '../tunnel/tunnel.js';
import type { Tunnels } from '../tunnel/tunnels.service.js';
import type { Insistence } from '../wire/insistence.js';
import type { Splice } from '../wire/splice.js';
import { bytesOf, type ClientLine, type Ending, idlenessAfter, type LiveSession } from './live-session.js';
import type { PolicyCheck } from './policy-check.js';
import type { LoggedSession, SessionEvent, SessionLog } from './session-log.js';
import { unwritten } from './session-log.js';

export interface SessionsOptions {
  readonly relayId: string;
  readonly tunnels: Tunnels;
  readonly log: SessionLog;
  readonly policy: PolicyCheck;
  readonly insistence: Insistence;
  /** How long a session waits for its client or its device. */
  readonly resumeMs: number;
  /** How long the last words of a device are waited for: what a command ended with. */
  readonly finishMs?: number;
}

export type SessionRefusal = {
  readonly code: 'revoked' | 'expired' | 'bad_grant' | 'unavailable';
  readonly retryAfterMs?: number;
};

const ownActor = { type: 'service', id: 'relay' } as const;

/** The sessions on devices that are connected here, and those that wait for one to come back. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #finishMs: number;
  readonly #live = new Map<string, LiveSession>();
  readonly #admissions = new Map<string, Promise<SessionRefusal | undefined>>();
  readonly counts = { started: 0, resumed: 0, ended: 0, revoked: 0, bytes: 0 };

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#finishMs = options.finishMs ?? 2_000;
  }

  get size(): number {
    return this.#live.size;
  }

  get(sessionId: string): LiveSession | undefined {
    return this.#live.get(sessionId);
  }

  values(): Iterable<LiveSession> {
    return this.#live.values();
  }

  /**
   * The session of a grant that was verified: the one that is here, or a new one, once policy allows it and its start is in
   * the log. Whatever comes of it is recorded.
   */
  async admit(claims: GrantClaims, source: string | undefined): Promise<LiveSession | SessionRefusal> {
    const known = this.#live.get(claims.sid);
    const session = known ?? this.#expect(claims, source);
    if (known && !isSame(known.claims, claims)) return { code: 'bad_grant' };
    const refusal = await this.#admissions.get(claims.sid);
    if (refusal) return refusal;
    if (session.ending) return { code: session.ending.revoked ? 'revoked' : 'expired' };
    session.grantedUntilMs = Math.max(session.grantedUntilMs, claims.exp * 1_000);
    return session;
  }

  /** A stream of it runs. To be called in the turn in which {@link admit} answered it, or `ending` is asked for again. */
  attach(session: LiveSession, splice: Splice, onOver: () => void, line?: ClientLine): void {
    delete session.idle;
    session.line = line;
    session.streams.add(splice);
    void splice.done.then((over) => {
      session.streams.delete(splice);
      session.bytesIn += splice.pipe.forward;
      session.bytesOut += splice.pipe.backward;
      this.counts.bytes += splice.pipe.forward + splice.pipe.backward;
      onOver();
      if (session.streams.size > 0 || session.ending) return;
      const { forMs, reason } = idlenessAfter(session, over, this.#options.resumeMs, this.#finishMs);
      session.idle = { sinceMs: performance.now(), forMs, reason };
      if (this.#hasFinished(session)) this.end(session, { reason });
    });
  }

  /** A client is done and comes back to none of its sessions: those that only wait for its next stream are over. */
  left(line: ClientLine): void {
    for (const session of [...this.#live.values()])
      if (session.line === line && session.idle && session.streams.size === 0)
        this.end(session, { reason: session.idle.reason });
  }

  /** Nothing came of a stream that it was admitted for: it waits for another one. */
  unused(session: LiveSession, reason: string): void {
    if (session.streams.size === 0 && !session.ending && !session.idle)
      session.idle = { sinceMs: performance.now(), forMs: this.#options.resumeMs, reason };
  }

  /** What a device says became of a session. Nothing of a session on another device is believed. */
  noteExit(tunnel: Tunnel, sessionId: string, exit: NonNullable<LiveSession['exit']>): void {
    const session = this.#live.get(sessionId);
    if (session?.claims.aud !== tunnel.deviceId) return;
    session.exit = exit;
    if (session.idle && this.#hasFinished(session)) this.end(session, { reason: session.idle.reason });
  }

  /** Ends a session at once: both streams are reset, the device is told, and then it is recorded. */
  end(session: LiveSession, ending: Ending): void {
    if (session.ending) return;
    session.ending = ending;
    const { claims } = session;
    const code = ending.revoked ? 'revoked' : ending.reason;
    for (const { pipe } of [...session.streams]) pipe.cut({ code: isCode(code) ? code : 'internal' });
    if (code !== 'closed')
      this.#options.tunnels
        .get(claims.aud)
        ?.control.send({ type: 'end_session', sid: claims.sid, code: code.slice(0, 32) });
    if (ending.revoked) this.counts.revoked++;
    const durationMs = Math.max(0, Date.now() - session.startedAtMs);
    // Cut streams tell their last bytes in a turn of their own.
    setImmediate(() => this.#options.insistence.add(() => this.#record(session, ending, durationMs)));
  }

  #expect(claims: GrantClaims, source: string | undefined): LiveSession {
    const session: LiveSession = {
      claims,
      place: { tenantId: claims.tenantId, sessionId: claims.sid, logged: unwritten() },
      source,
      startedAtMs: Date.now(),
      grantedUntilMs: claims.exp * 1_000,
      streams: new Set(),
      isPart: false,
      bytesIn: 0,
      bytesOut: 0,
    };
    // Known from here on, so that no change of facts is missed while policy is asked.
    this.#live.set(claims.sid, session);
    const admission = this.#begin(session)
      .then((refusal) => {
        if (refusal && !session.ending) this.#live.delete(claims.sid);
        return refusal;
      })
      .finally(() => this.#admissions.delete(claims.sid));
    this.#admissions.set(claims.sid, admission);
    return session;
  }

  async #begin(session: LiveSession): Promise<SessionRefusal | undefined> {
    const { policy } = this.#options;
    if (!policy.stands(session.claims, Date.now())) return { code: 'revoked' };
    try {
      const verdict = await policy.ask(session.claims);
      if (!verdict.allowed) return { code: 'revoked' };
      return await this.#recordStart(session);
    } catch (error) {
      if (error instanceof RpcError) return { code: 'unavailable', retryAfterMs: 1_000 };
      // It may have been stored: then there is somebody to end it. Nor is it taken for admitted by whoever comes next.
      session.place.logged = undefined;
      this.end(session, { reason: 'unavailable' });
      if (!(error instanceof StoreUnavailable)) throw error;
      return { code: 'unavailable', retryAfterMs: 1_000 };
    }
  }

  async #recordStart(session: LiveSession): Promise<SessionRefusal | undefined> {
    const { claims, place, source } = session;
    const { relayId, log } = this.#options;
    const resumes = { before: false, over: undefined as SessionRefusal | undefined };
    const state = await log.append(
      place,
      claims.subject,
      (logged) => {
        if (logged.status === 'ended' || logged.revoked) {
          resumes.over = { code: logged.revoked ? 'revoked' : 'expired' };
          return [];
        }
        resumes.before = logged.status === 'live';
        if (logged.status === 'live') {
          if (logged.deviceId !== claims.aud) resumes.over = { code: 'bad_grant' };
          return resumes.over
            ? []
            : [{ type: 'device.session.resumed', data: { sessionId: claims.sid, deviceId: claims.aud, relayId } }];
        }
        const data = {
          sessionId: claims.sid,
          grantId: claims.jti,
          deviceId: claims.aud,
          subject: claims.subject,
          kind: claims.scope.kind,
          decisions: claims.decisions,
          ...(source !== undefined && { source }),
          relayId,
        };
        return [{ type: 'device.session.started', data }];
      },
      claims.decisions[0],
    );
    if (resumes.over) return resumes.over;
    session.startedAtMs = state.startedAtMs ?? session.startedAtMs;
    session.isPart = resumes.before;
    this.counts[resumes.before ? 'resumed' : 'started']++;
    return undefined;
  }

  /** It has said its last word. Without one it may still come back a moment later, with a newer grant. */
  #hasFinished({ idle, exit }: LiveSession): boolean {
    return idle !== undefined && idle.forMs <= this.#finishMs && exit !== undefined;
  }

  /** The end as it is recorded: once, and by whoever has the session. */
  async #record(session: LiveSession, ending: Ending, durationMs: number): Promise<void> {
    const { claims, place, exit } = session;
    const { relayId, log } = this.#options;
    const [sessionId, deviceId] = [claims.sid, claims.aud];
    const { revoked } = ending;
    await log.append(
      place,
      ownActor,
      (logged: LoggedSession) => {
        if (logged.status !== 'live' || logged.relayId !== relayId) return [];
        const events: SessionEvent[] = [];
        if (revoked && !logged.revoked)
          events.push({ type: 'device.session.revoked', data: { sessionId, deviceId, ...revoked } });
        if (logged.chunks > 0 && !logged.recordingOver && ending.reason !== 'closed')
          events.push({ type: 'recording.truncated', data: { sessionId, deviceId, chunks: logged.chunks } });
        const data = {
          sessionId,
          deviceId,
          reason: ending.reason.slice(0, 32),
          ...(exit && { exit }),
          ...bytesOf(session),
          durationMs,
        };
        events.push({ type: 'device.session.ended', data });
        return events;
      },
      revoked?.decision,
    );
    if (this.#live.get(sessionId) === session) this.#live.delete(sessionId);
    this.counts.ended++;
  }
}

const isCode = (code: string): boolean => /^[a-z][a-z_]{0,31}$/.test(code);

/** A renewed grant of the session, and not another session's that took its id. */
const isSame = (one: GrantClaims, other: GrantClaims): boolean =>
  one.aud === other.aud &&
  one.tenantId === other.tenantId &&
  one.subject.type === other.subject.type &&
  one.subject.id === other.subject.id &&
  one.scope.kind === other.scope.kind;
