import type { Envelope } from '@gatehouse/contracts';
import { type AppendResult, type CommandContext, type EventStore, type NewEvent, RevisionConflict } from './store.js';

/** How one aggregate is folded: pure, total over every event the stream may hold. */
export interface Decider<S> {
  readonly initialState: S;
  readonly evolve: (state: S, event: Envelope) => S;
}

export interface HandleOptions<S> {
  readonly streamId: string;
  readonly context: CommandContext;
  readonly commandId?: string;
  /** The revision the caller saw (`If-Match`). With it a conflict is the caller's to solve; without it we decide again. */
  readonly expectedRevision?: number;
  readonly decide: (state: S, revision: number) => readonly NewEvent[];
}

export interface HandleResult<S> extends AppendResult {
  readonly state: S;
}

const maxAttempts = 4;

/** Folds a list of events into the aggregate's state. */
export const fold = <S>(decider: Decider<S>, events: readonly Envelope[], from: S = decider.initialState): S =>
  events.reduce(decider.evolve, from);

/**
 * Load, fold, decide, append. A decision that returns no events changes nothing and answers the state as it is.
 *
 * @example
 * await handle(store, keyDecider, { streamId: `key:${id}`, context, decide: (key) => disableKey({ reason }, key) });
 *
 * @throws RevisionConflict when `expectedRevision` is not the stream's, or after three more tries without it.
 */
export async function handle<S>(
  store: EventStore,
  decider: Decider<S>,
  options: HandleOptions<S>,
): Promise<HandleResult<S> | { state: S; events: readonly []; revision: number; duplicate: false; position?: never }> {
  const { streamId, context, commandId, expectedRevision } = options;
  for (let attempt = 1; ; attempt++) {
    const stored = await store.read(context.tenantId, streamId);
    // A repeated command must answer as it did, not be refused by the state that it made itself. Asked after the
    // stream was read: whatever of the command stands in that state is then known here, too.
    const before = commandId ? await store.readCommand(context.tenantId, commandId) : undefined;
    const state = fold(decider, stored.events);
    if (before) return { ...before, state };
    if (expectedRevision !== undefined && stored.revision !== expectedRevision)
      throw new RevisionConflict(streamId, expectedRevision);
    const decided = options.decide(state, stored.revision);
    if (decided.length === 0) return { state, events: [], revision: stored.revision, duplicate: false };
    try {
      const appended = await store.append(streamId, decided, {
        expectedRevision: stored.revision,
        context,
        ...(commandId && { commandId }),
      });
      return { ...appended, state: fold(decider, appended.events, state) };
    } catch (error) {
      if (!(error instanceof RevisionConflict) || expectedRevision !== undefined || attempt === maxAttempts)
        throw error;
    }
  }
}
