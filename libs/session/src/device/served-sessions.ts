import { randomUUID } from 'node:crypto';
import type { KeyPair } from '@gatehouse/noise';
import type { ByteStream } from '@gatehouse/transport';
import { acceptChannel } from '../channel/accept-channel.js';
import type { ChannelAnswer, ChannelOffer } from '../channel/channel-offer.js';
import type { SessionHandlers } from '../frame-stream.js';
import type { GrantClaims } from '../grant.js';
import { GrantError, type GrantKeyRing, grantSkewSeconds, verifyGrant } from '../grants.js';
import type { SessionReport } from '../hello.js';
import type { OpenMessage } from '../messages.js';
import { giveUp } from '../resumable/close-gently.js';
import { ResumableStream } from '../resumable-stream.js';
import { renews } from './confine.js';
import { PastStreams } from './past-streams.js';
import { serveStream } from './served-stream.js';

/** Whose client is gone makes way for others when a limit is reached, the oldest first. */
export interface DeviceLimits {
  /** Sessions at once; 256 unless given. */
  readonly sessions?: number;
  /** Streams of one session; 256 unless given. */
  readonly streamsPerSession?: number;
  /** Streams of all: each may hold a window of 4 MiB either way, when nobody reads; 512 unless given. */
  readonly streams?: number;
  /** Handshakes under way; 64 unless given. */
  readonly handshakes?: number;
  /** From the first byte of a handshake to the client's first record; 10 s unless given. */
  readonly handshakeMs?: number;
  /** For how long a stream waits for its client to come back; 60 s unless given. */
  readonly graceMs?: number;
}

export interface ServedSessionsOptions {
  readonly deviceId: string;
  /** Newest first. */
  readonly sessionKeys: () => readonly KeyPair[];
  readonly grantKeys: () => GrantKeyRing;
  readonly handlers: SessionHandlers;
  readonly report: (sid: string, event: SessionReport['event']) => void;
  readonly approve: ((grant: GrantClaims, open: OpenMessage) => Promise<boolean>) | undefined;
  readonly limits: DeviceLimits;
}

interface Stream {
  readonly resumable: ResumableStream;
  /** Of the handshake that it goes on by: one that began earlier and is confirmed later changes nothing. */
  generation: number;
  /** What it ended with, once it was told. */
  exit?: SessionReport['event'];
}

interface Session {
  grant: GrantClaims;
  readonly streams: Map<string, Stream>;
  timer: NodeJS.Timeout | undefined;
}

const endMs = (grant: GrantClaims): number => (grant.exp + grantSkewSeconds) * 1_000;
const refused = (code: Extract<ChannelAnswer, { refused: string }>['refused']): ChannelAnswer => ({ refused: code });

/** The sessions that a device serves, over whatever tunnels their streams come. */
export class ServedSessions {
  /** Of this run of the device: streams of another one are unknown here. */
  readonly #run = randomUUID();
  readonly #sessions = new Map<string, Session>();
  readonly #past = new PastStreams();
  /** Sessions that were ended before their grants did, until those do: nothing of them is served any more. */
  readonly #cut = new Map<string, number>();
  #generations = 0;
  #handshakes = 0;
  #streams = 0;
  #isClosed = false;

  constructor(private readonly options: ServedSessionsOptions) {}

  get counts(): { sessions: number; streams: number; handshakes: number } {
    return { sessions: this.#sessions.size, streams: this.#streams, handshakes: this.#handshakes };
  }

  /** A stream that a relay opened, behind its first message. To be called in the turn in which it was got. */
  accept(lower: ByteStream, source: string | undefined) {
    if (this.#handshakes >= (this.options.limits.handshakes ?? 64)) return giveUp(lower, { code: 'limit' });
    this.#handshakes++;
    let generation = 0;
    let claims: GrantClaims | undefined;
    const { handshakeMs } = this.options.limits;
    acceptChannel(lower, {
      ...(handshakeMs !== undefined && { timeoutMs: handshakeMs }),
      statics: this.options.sessionKeys(),
      decide: (offer, holder) => {
        generation = ++this.#generations;
        try {
          const { deviceId, grantKeys } = this.options;
          claims = verifyGrant(offer.grant, grantKeys(), { nowMs: Date.now(), deviceId, holder });
        } catch (error) {
          if (!(error instanceof GrantError)) throw error;
          return refused(error.code === 'expired' ? 'expired' : 'bad_grant');
        }
        return this.#decide(offer, claims);
      },
      onConfirmed: (stream, offer, answer) => {
        this.#handshakes--;
        if (claims && 'received' in answer) this.#go(stream, offer, answer.received, claims, generation, source);
      },
      onFailed: () => {
        this.#handshakes--;
      },
    });
  }

  /** Whatever its streams do: a relay was told that the session is over. */
  endSession(sid: string, code: string): void {
    const session = this.#sessions.get(sid);
    this.#prune();
    // Without a session its grant is not known: none lives longer than an hour.
    this.#cut.set(sid, session ? endMs(session.grant) : Date.now() + 3_600_000);
    if (session) this.#end(sid, session, code);
  }

  close(code: string): void {
    this.#isClosed = true;
    this.endAll(code);
  }

  endAll(code: string): void {
    for (const [sid, session] of this.#sessions) this.#end(sid, session, code);
  }

  #prune(): void {
    const now = Date.now();
    for (const [sid, untilMs] of this.#cut) if (untilMs <= now) this.#cut.delete(sid);
    // More than a relay that is sane ends in an hour: the oldest go.
    for (const sid of this.#cut.keys()) {
      if (this.#cut.size < 10_000) return;
      this.#cut.delete(sid);
    }
  }

  /** Nothing is changed here: the message may be a replay. */
  #decide(offer: ChannelOffer, claims: GrantClaims): ChannelAnswer {
    if (this.#isClosed) return refused('stopping');
    if (this.#cut.has(claims.sid)) return refused('revoked');
    const session = this.#sessions.get(claims.sid);
    if (session && !isSameParty(claims, session.grant)) return refused('bad_grant');
    const past = this.#past.codeOf(`${claims.sid}/${offer.stream}`);
    if (past !== undefined) return { over: past };
    const stream = session?.streams.get(offer.stream);
    if (stream) return { received: stream.resumable.received, run: this.#run };
    if (offer.received > 0 || (offer.run !== undefined && offer.run !== this.#run)) return refused('gone');
    if (!this.#inTheWay(session)) return refused('limit');
    return { received: 0, run: this.#run };
  }

  /** Which streams must go before there is room for another; undefined: none may. Who has no client waits for it, but keeps nobody out. */
  #inTheWay(session: Session | undefined): readonly Stream[] | undefined {
    const { sessions = 256, streamsPerSession = 256, streams = 512 } = this.options.limits;
    const all = [...this.#sessions.values()];
    if (session && session.streams.size >= streamsPerSession) return oldestWaiting([session]);
    if (!session && all.length >= sessions) {
      const left = all.find((other) => [...other.streams.values()].every(isWaiting));
      return left && [...left.streams.values()];
    }
    return this.#streams >= streams ? oldestWaiting(all) : [];
  }

  /** The client is there. What was decided before is looked at again: other handshakes went on meanwhile. */
  #go(
    lower: ByteStream,
    offer: ChannelOffer,
    told: number,
    claims: GrantClaims,
    generation: number,
    source: string | undefined,
  ) {
    const again = this.#decide(offer, claims);
    if (!('received' in again)) return giveUp(lower, { code: 'over' in again ? again.over : again.refused });
    const known = this.#sessions.get(claims.sid);
    if (!known?.streams.has(offer.stream))
      for (const { resumable } of this.#inTheWay(known) ?? [])
        resumable.cut({ code: 'client_lost', detail: 'others need the place' });
    const session = this.#sessionOf(claims);
    const stream = session.streams.get(offer.stream) ?? this.#begin(session, offer.stream, source);
    if (stream.generation > generation) return giveUp(lower, { code: 'replaced' });
    stream.generation = generation;
    stream.resumable.attach(lower, { peerReceived: offer.received, told });
    // The relay that was told is perhaps gone, and whoever records the end of the session is another one.
    if (stream.exit) this.options.report(claims.sid, stream.exit);
  }

  #sessionOf(claims: GrantClaims): Session {
    let session = this.#sessions.get(claims.sid);
    if (!session) {
      session = { grant: claims, streams: new Map(), timer: undefined };
      this.#sessions.set(claims.sid, session);
      this.#arm(session);
    } else if (renews(claims, session.grant)) this.#renew(session, claims);
    return session;
  }

  #begin(session: Session, id: string, source: string | undefined): Stream {
    const { sid } = session.grant;
    const { graceMs } = this.options.limits;
    const resumable = new ResumableStream({ lost: 'client_lost', ...(graceMs !== undefined && { graceMs }) });
    const over = new AbortController();
    const stream: Stream = { resumable, generation: 0 };
    session.streams.set(id, stream);
    this.#streams++;
    resumable.onOver = (end) => {
      this.#streams--;
      session.streams.delete(id);
      if (session.streams.size === 0 && this.#sessions.get(sid) === session) this.#forget(sid, session);
      this.#past.add(`${sid}/${id}`, end?.code ?? 'finished', Date.now());
      over.abort();
    };
    serveStream({
      resumable,
      handlers: this.options.handlers,
      source,
      ended: over.signal,
      grant: () => session.grant,
      renew: (text) => this.#take(session, text),
      report: (event) => {
        if (event.kind === 'exit') stream.exit = event;
        this.options.report(sid, event);
      },
      approve: this.options.approve,
    });
    return stream;
  }

  /** A grant that came within a stream. One that is older than what is known changes nothing. */
  #take(session: Session, text: string): boolean {
    const { deviceId, grantKeys } = this.options;
    const holder = Buffer.from(session.grant.cnf.x25519, 'base64url');
    let claims: GrantClaims;
    try {
      claims = verifyGrant(text, grantKeys(), { nowMs: Date.now(), deviceId, holder });
    } catch (error) {
      if (error instanceof GrantError) return false;
      throw error;
    }
    if (renews(claims, session.grant)) this.#renew(session, claims);
    else if (claims.exp >= session.grant.exp) return false;
    return true;
  }

  #renew(session: Session, claims: GrantClaims): void {
    session.grant = claims;
    this.#arm(session);
  }

  #arm(session: Session): void {
    clearTimeout(session.timer);
    const { sid } = session.grant;
    session.timer = setTimeout(() => this.#end(sid, session, 'expired'), endMs(session.grant) - Date.now());
    session.timer.unref();
  }

  /** Another stream of it brings its grant along. */
  #forget(sid: string, session: Session): void {
    clearTimeout(session.timer);
    this.#sessions.delete(sid);
  }

  #end(sid: string, session: Session, code: string): void {
    this.#forget(sid, session);
    for (const { resumable } of [...session.streams.values()]) resumable.cut({ code });
  }
}

const isWaiting = ({ resumable }: Stream): boolean => !resumable.isAttached;

function oldestWaiting(sessions: readonly Session[]): readonly Stream[] | undefined {
  for (const { streams } of sessions) for (const stream of streams.values()) if (isWaiting(stream)) return [stream];
  return undefined;
}

/** Another grant of the same session, of the same subject and client: not necessarily newer. */
const isSameParty = (one: GrantClaims, other: GrantClaims): boolean =>
  one.tenantId === other.tenantId &&
  one.subject.type === other.subject.type &&
  one.subject.id === other.subject.id &&
  one.cnf.x25519 === other.cnf.x25519;
