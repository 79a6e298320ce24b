import type {
  deviceSessionEnded,
  deviceSessionRevoked,
  deviceSessionStarted,
  Envelope,
  relayEvents,
} from '@gatehouse/contracts';
import {
  type CommandContext,
  type Decider,
  fold,
  type GroupCommit,
  type PostgresEventStore,
  RevisionConflict,
  writeEvent,
} from '@gatehouse/event-store';
import type { z } from 'zod';

export type SessionStarted = z.infer<typeof deviceSessionStarted>;
export type SessionEnded = z.infer<typeof deviceSessionEnded>;
export type SessionRevoked = z.infer<typeof deviceSessionRevoked>;

export const sessionStream = (sessionId: string): string => `device-session:${sessionId}`;

/** A session as its stream tells it. */
export interface LoggedSession {
  readonly status: 'none' | 'live' | 'ended';
  /** Which relay it is at, or was last. */
  readonly relayId?: string;
  readonly deviceId?: string;
  readonly startedAtMs?: number;
  /** Decided, whether or not it has ended yet. */
  readonly revoked?: { readonly cause: string };
  /** By the device, with these words, each once. */
  readonly refused: readonly string[];
  /** Of its recording, as far as the device told: how many, and that there will be no more. */
  readonly chunks: number;
  readonly recordingOver: boolean;
}

export const sessionDecider: Decider<LoggedSession> = {
  initialState: { status: 'none', refused: [], chunks: 0, recordingOver: false },
  evolve: (state, { type, data, occurredAt }) => {
    const { relayId, deviceId, cause, code } = data as Partial<
      Record<'relayId' | 'deviceId' | 'cause' | 'code', string>
    >;
    switch (type) {
      case 'device.session.started':
        return {
          ...state,
          status: 'live',
          startedAtMs: Date.parse(occurredAt),
          ...(deviceId && { deviceId }),
          ...(relayId && { relayId }),
        };
      case 'device.session.resumed':
        return { ...state, ...(relayId && { relayId }) };
      case 'device.session.revoked':
        return { ...state, revoked: { cause: cause ?? '' } };
      case 'device.session.refused':
        return { ...state, refused: [...state.refused, code ?? ''] };
      case 'device.session.ended':
        return { ...state, status: 'ended' };
      case 'recording.chunk_recorded':
        return { ...state, chunks: state.chunks + 1 };
      case 'recording.closed':
      case 'recording.truncated':
        return { ...state, recordingOver: true };
      default:
        return state;
    }
  },
};

export interface SessionEvent {
  readonly type: keyof typeof relayEvents;
  readonly data: object;
}

/** Where in the log a session stands, as far as whoever holds this knows. Undefined: it has to be read. */
export interface SessionPlace {
  readonly tenantId: string;
  readonly sessionId: string;
  logged?: { readonly state: LoggedSession; readonly revision: number } | undefined;
}

export interface SessionLogOptions {
  readonly store: PostgresEventStore;
  /** Many sessions share one commit. */
  readonly commits: GroupCommit;
}

/** Several relays may write about one session at once: each decides again on what the others wrote. */
const attempts = 8;

/**
 * Writes what becomes of sessions. Their streams are short; the events of many are written by one statement. A writer goes
 * on from the revision that it wrote last, and reads the stream only when somebody else was first or it is not known
 * whether its last event was stored.
 */
export class SessionLog {
  readonly #options: SessionLogOptions;

  constructor(options: SessionLogOptions) {
    this.#options = options;
  }

  /**
   * Appends what `decide` wants on the session as it stands; nothing if it wants nothing.
   *
   * @returns the session with it
   * @throws StoreUnavailable when it is not known whether it was stored
   */
  async append(
    place: SessionPlace,
    actor: CommandContext['actor'],
    decide: (state: LoggedSession) => readonly SessionEvent[],
    causationId?: string,
  ): Promise<LoggedSession> {
    for (let attempt = 1; ; attempt++) {
      const { state, revision } = await this.#read(place);
      const events = decide(state);
      if (events.length === 0) return state;
      const { tenantId, sessionId } = place;
      const context = { tenantId, actor, now: Date.now(), correlationId: '', ...(causationId && { causationId }) };
      const written = events.map(({ type, data }, i) =>
        writeEvent({ type, version: 1, data }, sessionStream(sessionId), revision + i + 1, context),
      );
      // Whatever happens now, only a confirmed commit says where the stream stands.
      place.logged = undefined;
      try {
        // One after the other: the second must not be there without the first.
        for (const event of written) await this.#options.commits.append(event); // COMMIT POINT of each
      } catch (error) {
        if (!(error instanceof RevisionConflict) || attempt === attempts) throw error;
        continue;
      }
      const envelopes: readonly Envelope[] = written.map(({ envelope }) => envelope);
      const next = { state: fold(sessionDecider, envelopes, state), revision: revision + written.length };
      place.logged = next;
      return next.state;
    }
  }

  /** As it stands in the log now. */
  async read(place: SessionPlace): Promise<LoggedSession> {
    place.logged = undefined;
    return (await this.#read(place)).state;
  }

  async #read(place: SessionPlace): Promise<NonNullable<SessionPlace['logged']>> {
    if (place.logged) return place.logged;
    const { events, revision } = await this.#options.store.read(place.tenantId, sessionStream(place.sessionId));
    place.logged = { state: fold(sessionDecider, events), revision };
    return place.logged;
  }
}

/** A session nobody has written about: tried before it is looked for. */
export const unwritten = (): NonNullable<SessionPlace['logged']> => ({
  state: sessionDecider.initialState,
  revision: 0,
});
