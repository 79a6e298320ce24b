import type { Position } from '@gatehouse/contracts';
import type { GrantClaims } from '@gatehouse/session';
import type { StreamEnd } from '@gatehouse/transport';
import { isLoss, type Splice } from '../wire/splice.js';
import type { SessionPlace } from './session-log.js';

/** What has to be asked of policy again, and since when. */
export interface Doubt {
  readonly cause: string;
  /** By a clock that only goes forward. */
  readonly sinceMs: number;
  /** Of policy's log: nothing older may answer. */
  readonly position?: Position;
}

/** Why no more is done for a session, and how its end is recorded. */
export interface Ending {
  readonly reason: string;
  /** Decided again and denied, or cut by somebody: with the recorded decision. */
  readonly revoked?: { readonly cause: string; readonly decision?: string };
}

/** One connection of a client. */
export interface ClientLine {
  readonly role: string;
}

/** A session that this relay serves, or waits for. */
export interface LiveSession {
  readonly claims: GrantClaims;
  readonly place: SessionPlace;
  /** A pseudonym of the client's address, or a service's address. */
  readonly source: string | undefined;
  /** By the clock of the day. */
  startedAtMs: number;
  /** Until when it is granted, in Unix milliseconds, as far as is known here. */
  grantedUntilMs: number;
  readonly streams: Set<Splice>;
  /** Over which the client's last stream came; none of a client at another relay. */
  line?: ClientLine | undefined;
  /** Another relay carried a part of it, or another process of this one: its bytes are not all known here. */
  isPart: boolean;
  /** Of streams that are over. */
  bytesIn: number;
  bytesOut: number;
  /** As the device told. */
  exit?: { readonly code: number | null; readonly signal: string | null };
  /** There is no stream: since when, by a clock that only goes forward, and what becomes of it if none comes. */
  idle?: { readonly sinceMs: number; readonly forMs: number; readonly reason: string };
  doubt?: Doubt | undefined;
  ending?: Ending;
}

/** Kinds that one stream serves from beginning to end. The others open streams as they need them, for as long as they are granted. */
const singleStream: ReadonlySet<string> = new Set(['shell', 'exec', 'logs', 'metrics', 'recording']);

export const isSingleStream = ({ claims }: LiveSession): boolean => singleStream.has(claims.scope.kind);

export interface Idleness {
  readonly forMs: number;
  readonly reason: string;
}

/** How long a session goes on without a stream after its last one ended like this. `finishMs`: for the device's last words. */
export function idlenessAfter(
  session: LiveSession,
  over: { readonly by: 'both' } | { readonly by: 'client' | 'device' | 'relay'; readonly end: StreamEnd },
  resumeMs: number,
  finishMs: number,
): Idleness {
  const single = isSingleStream(session);
  if (over.by === 'both')
    return single ? { forMs: finishMs, reason: 'closed' } : { forMs: Number.POSITIVE_INFINITY, reason: 'closed' };
  const { code } = over.end;
  // The client has said that it does not come back: it has what it wanted, or nobody wants it any more.
  if (over.by === 'client' && code === 'done') return { forMs: finishMs, reason: 'closed' };
  if (isLoss(code)) return { forMs: resumeMs, reason: over.by === 'device' ? 'device_lost' : 'client_lost' };
  return single ? { forMs: finishMs, reason: code } : { forMs: Number.POSITIVE_INFINITY, reason: code };
}

/** Empty where they are not known. */
export function bytesOf({ isPart, bytesIn, bytesOut, streams }: LiveSession): { bytesIn?: number; bytesOut?: number } {
  if (isPart) return {};
  const sum = { bytesIn, bytesOut };
  for (const { pipe } of streams) {
    sum.bytesIn += pipe.forward;
    sum.bytesOut += pipe.backward;
  }
  return sum;
}
