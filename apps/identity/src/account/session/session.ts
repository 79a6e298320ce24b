import type { Envelope, SessionEnded, SessionStarted } from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';

export type EndReason = SessionEnded['reason'];

export type Session =
  | { readonly status: 'none' }
  | { readonly status: 'open'; readonly sessionId: string; readonly userId: string }
  | { readonly status: 'ended'; readonly reason: EndReason };

export const sessionStream = (sessionId: string): string => `session:${sessionId}`;

function evolve(state: Session, { type, data }: Envelope): Session {
  if (type === 'session.started') {
    const { sessionId, userId } = data as unknown as SessionStarted;
    return { status: 'open', sessionId, userId };
  }
  return type === 'session.ended' ? { status: 'ended', reason: (data as unknown as SessionEnded).reason } : state;
}

export const sessionDecider: Decider<Session> = { initialState: { status: 'none' }, evolve };

export function startSession(data: SessionStarted, state: Session): readonly NewEvent[] {
  return state.status === 'none' ? [{ type: 'session.started', version: 1, data }] : [];
}

/** Ends an open session; what is over or never was stays as it is. */
export function endSession(reason: EndReason, state: Session): readonly NewEvent[] {
  if (state.status !== 'open') return [];
  const { sessionId, userId } = state;
  return [{ type: 'session.ended', version: 1, data: { sessionId, userId, reason } satisfies SessionEnded }];
}
