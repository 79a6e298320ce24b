import { expect, it } from '@jest/globals';
import { added, context, counter, newStream } from './carts.fixture.js';
import { handle } from './handle.js';
import { type EventStore, RevisionConflict } from './store.js';

/** Runs `meddle` before each of the first `times` appends: what another writer does between our read and our append. */
function meddled(store: EventStore, times: number, meddle: () => Promise<unknown>): EventStore {
  let left = times;
  return {
    read: (tenantId, streamId) => store.read(tenantId, streamId),
    readCommand: (tenantId, commandId) => store.readCommand(tenantId, commandId),
    async append(streamId, events, options) {
      if (left-- > 0) await meddle();
      return store.append(streamId, events, options);
    },
  };
}

/** What `handle` does with every {@link EventStore}. */
export function handlesDecisions(open: () => EventStore): void {
  const meddler = (store: EventStore, stream: string) => async () => {
    const { revision } = await store.read('acme', stream);
    await store.append(stream, [added('meddled')], { expectedRevision: revision, context });
  };

  it.each([0, 1, 3])('decides again on the new state after %i conflicts', async (conflicts) => {
    const [store, stream] = [open(), newStream()];
    const seen: number[] = [];
    const decide = (state: number) => {
      seen.push(state);
      return [added(`after ${state}`)];
    };
    const busy = meddled(store, conflicts, meddler(store, stream));
    const result = await handle(busy, counter, { streamId: stream, context, decide });
    expect(seen).toEqual(Array.from({ length: conflicts + 1 }, (_, i) => i));
    expect(result).toMatchObject({ state: conflicts + 1, revision: conflicts + 1 });
  });

  it('gives up after the third retry', async () => {
    const [store, stream] = [open(), newStream()];
    const busy = meddled(store, 4, meddler(store, stream));
    const refused = handle(busy, counter, { streamId: stream, context, decide: () => [added('x')] });
    await expect(refused).rejects.toBeInstanceOf(RevisionConflict);
    expect((await store.read('acme', stream)).revision).toBe(4);
  });

  it('does not decide again when the caller named a revision', async () => {
    const [store, stream] = [open(), newStream()];
    let decisions = 0;
    const decide = () => {
      decisions++;
      return [added('x')];
    };
    const options = { streamId: stream, context, expectedRevision: 0, decide };
    const busy = meddled(store, 1, meddler(store, stream));
    await expect(handle(busy, counter, options)).rejects.toBeInstanceOf(RevisionConflict);
    await expect(handle(store, counter, options)).rejects.toBeInstanceOf(RevisionConflict);
    expect(decisions).toBe(1);
    expect((await handle(store, counter, { ...options, expectedRevision: 1 })).revision).toBe(2);
  });

  it('changes nothing when nothing is decided', async () => {
    const [store, stream] = [open(), newStream()];
    await store.append(stream, [added('tea')], { expectedRevision: 0, context });
    const result = await handle(store, counter, { streamId: stream, context, commandId: stream, decide: () => [] });
    expect(result).toEqual({ state: 1, events: [], revision: 1, duplicate: false });
    expect((await store.read('acme', stream)).revision).toBe(1);
  });

  it('answers a repeated command from the store, not from a decision on the state it made itself', async () => {
    const [store, stream] = [open(), newStream()];
    const decide = (state: number) => {
      if (state > 0) throw new Error('opened already');
      return [added('tea')];
    };
    const options = { streamId: stream, context, commandId: `c-${stream}`, expectedRevision: 0, decide };
    const first = await handle(store, counter, options);
    expect(await handle(store, counter, options)).toEqual({ ...first, duplicate: true });
  });

  it('answers racing copies of a command alike, with and without a named revision', async () => {
    const store = open();
    for (const expected of [{}, { expectedRevision: 0 }]) {
      const stream = newStream();
      const decide = (state: number) => {
        if (state > 0) throw new Error('opened already');
        return [added('tea')];
      };
      const options = { streamId: stream, context, commandId: `c-${stream}`, decide, ...expected };
      // The copy is stored just before ours reads the stream: it must not be refused by its own effect.
      const late: EventStore = {
        ...meddled(store, 0, async () => undefined),
        async read(tenantId, streamId) {
          await handle(store, counter, options);
          return store.read(tenantId, streamId);
        },
      };
      expect(await handle(late, counter, options)).toMatchObject({ duplicate: true, revision: 1 });
      const answers = await Promise.all(Array.from({ length: 8 }, () => handle(store, counter, options)));
      expect(new Set(answers.map((answer) => answer.events[0]?.id)).size).toBe(1);
    }
  });
}
