import { comparePositions, envelope, maxEnvelopeBytes } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { handle } from './handle.js';
import { type CommandContext, type EventStore, EventTooLarge, type NewEvent, RevisionConflict } from './store.js';

const contextOf = (tenantId: string): CommandContext => ({
  tenantId,
  actor: { type: 'user', id: 'u1' },
  now: Date.UTC(2026, 10, 22),
  correlationId: '4bf92f3577b34da6a3ce929d0e0e4736',
});
const context = contextOf('acme');
const added = (name: string): NewEvent => ({ type: 'cart.item.added', version: 1, data: { name } });
const counter = { initialState: 0, evolve: (count: number) => count + 1 };

let streams = 0;
const newStream = () => `cart:${Date.now().toString(36)}-${streams++}`;

/** What every implementation of {@link EventStore} must do. `open` answers a store that is used by all the tests. */
export function eventStoreContract(name: string, open: () => EventStore): void {
  describe(`${name} as an event store`, () => {
    appendsAndReads(open);
    refusesConflicts(open);
    repeatsCommands(open);
    separatesTenants(open);
    handlesDecisions(open);
    behavesLikeItsModel(open);
  });
}

function appendsAndReads(open: () => EventStore): void {
  it('reads back what was appended, in order, with revisions from 1', async () => {
    const [store, stream] = [open(), newStream()];
    const first = await store.append(stream, [added('tea'), added('milk')], { expectedRevision: 0, context });
    const second = await store.append(stream, [added('jam')], { expectedRevision: 2, context });
    expect([first.revision, first.duplicate, second.revision]).toEqual([2, false, 3]);
    expect(comparePositions(second.position, first.position)).toBe(1);
    const { events, revision } = await store.read('acme', stream);
    expect(revision).toBe(3);
    expect(events).toEqual([...first.events, ...second.events]);
    expect(events.map((event) => [event.revision, event.data.name])).toEqual([
      [1, 'tea'],
      [2, 'milk'],
      [3, 'jam'],
    ]);
  });

  it('writes envelopes that keep to the contract, with everything the caller gave', async () => {
    const [store, stream] = [open(), newStream()];
    const sealed = { email: { subject: 'p1', key: 1, text: 'AAAA' } };
    const data = {
      text: 'quote " back\\slash \u001e \n \u2028 €😀',
      nested: { list: [1, null, true] },
      none: undefined,
    };
    const full = { ...context, causationId: 'cmd-1', source: { ip: '10.0.0.1', userAgent: 'curl/8' } };
    await store.append(stream, [{ type: 'cart.opened', version: 2, data, sealed }], {
      expectedRevision: 0,
      context: full,
    });
    const [event] = (await store.read('acme', stream)).events;
    expect(envelope.parse(event)).toEqual(event);
    expect(event).toMatchObject({
      ...{ type: 'cart.opened', version: 2, streamId: stream, tenantId: 'acme', revision: 1, sealed },
      ...{ occurredAt: '2026-11-22T00:00:00.000Z', causationId: 'cmd-1', source: full.source, actor: context.actor },
      ...{ data: { text: data.text, nested: data.nested }, correlationId: context.correlationId },
    });
    expect(event?.data).not.toHaveProperty('none');
  });

  it('answers an unknown stream as empty, at revision 0', async () => {
    expect(await open().read('acme', 'cart:nowhere')).toEqual({ events: [], revision: 0 });
    expect(await open().readCommand('acme', 'never-sent')).toBeUndefined();
  });

  it('keeps its own copy: a caller that changes what it got changes nothing', async () => {
    const [store, stream] = [open(), newStream()];
    const options = { expectedRevision: 0, commandId: stream, context };
    const appended = await store.append(stream, [added('tea')], options);
    for (const event of appended.events) event.data.name = 'poison';
    for (const event of (await store.read('acme', stream)).events) event.data.name = 'poison';
    for (const event of (await store.append(stream, [added('tea')], options)).events) event.data.name = 'poison';
    expect((await store.read('acme', stream)).events[0]?.data).toEqual({ name: 'tea' });
    expect((await store.readCommand('acme', stream))?.events[0]?.data).toEqual({ name: 'tea' });
  });

  it('takes an event of the largest size and refuses one byte more, and the whole append with it', async () => {
    const [store, stream] = [open(), newStream()];
    const bare = await store.append(stream, [added('')], { expectedRevision: 0, context });
    const room = maxEnvelopeBytes - Buffer.byteLength(JSON.stringify(bare.events[0]));
    const options = { expectedRevision: 1, context };
    const tooLarge = store.append(stream, [added('x'), added('é'.repeat(room / 2 + 1))], options);
    await expect(tooLarge).rejects.toBeInstanceOf(EventTooLarge);
    await expect(store.append(stream, [added('x'.repeat(room + 1))], options)).rejects.toBeInstanceOf(EventTooLarge);
    expect((await store.read('acme', stream)).revision).toBe(1);
    expect((await store.append(stream, [added('x'.repeat(room))], options)).revision).toBe(2);
  });

  const separator = '\u001e';
  it.each<[string, string, Partial<CommandContext>, string, string | undefined]>([
    ['a stream id with a dot', 'cart:a.b', {}, 'cart.opened', undefined],
    ['a stream id with a blank', 'cart:a b', {}, 'cart.opened', undefined],
    ['a stream id of one part', 'cart', {}, 'cart.opened', undefined],
    ['a tenant with a dot', 'cart:a', { tenantId: 'a.b' }, 'cart.opened', undefined],
    ['an event type of one word', 'cart:a', {}, 'opened', undefined],
    ['an event type in capitals', 'cart:a', {}, 'Cart.Opened', undefined],
    ['an empty command id', 'cart:a', {}, 'cart.opened', ''],
    ['a long command id', 'cart:a', {}, 'cart.opened', 'c'.repeat(201)],
    ['a command id with the column separator', 'cart:a', {}, 'cart.opened', `a${separator}b`],
  ])('refuses %s', async (_, stream, change, type, commandId) => {
    const events = [
      { type, version: 1, data: {} },
      { type, version: 1, data: {} },
    ];
    const options = { expectedRevision: 0, context: { ...context, ...change } };
    const refused = open().append(stream, events, { ...options, ...(commandId !== undefined && { commandId }) });
    await expect(refused).rejects.toBeInstanceOf(RangeError);
  });

  it('refuses to append nothing', async () => {
    await expect(open().append(newStream(), [], { expectedRevision: 0, context })).rejects.toBeInstanceOf(RangeError);
  });
}

function refusesConflicts(open: () => EventStore): void {
  it.each([
    ['behind the stream', 1],
    ['at the start of a stream that exists', 0],
    ['ahead of the stream, which would leave a hole', 3],
  ])('refuses an expected revision %s', async (_, expectedRevision) => {
    const [store, stream] = [open(), newStream()];
    await store.append(stream, [added('tea'), added('milk')], { expectedRevision: 0, context });
    const refused = store.append(stream, [added('jam')], { expectedRevision, context });
    await expect(refused).rejects.toMatchObject({ name: 'RevisionConflict', streamId: stream, expectedRevision });
    expect((await store.read('acme', stream)).revision).toBe(2);
  });

  it('lets exactly one of many racing writers have a revision', async () => {
    const [store, stream] = [open(), newStream()];
    const racing = Array.from({ length: 12 }, (_, i) =>
      store.append(stream, [added(`n${i}`), added(`n${i}`)], { expectedRevision: 0, context }),
    );
    const outcomes = await Promise.allSettled(racing);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(RevisionConflict);
    const { events } = await store.read('acme', stream);
    expect(events.map((event) => event.revision)).toEqual([1, 2]);
    expect(events[0]?.data).toEqual(events[1]?.data);
  });
}

function repeatsCommands(open: () => EventStore): void {
  it('answers a repeated command as the first time, also when the stream has moved on', async () => {
    const [store, stream] = [open(), newStream()];
    const options = { expectedRevision: 0, commandId: `c-${stream}`, context };
    const first = await store.append(stream, [added('tea'), added('milk')], options);
    await store.append(stream, [added('jam')], { expectedRevision: 2, context });
    const again = await store.append(stream, [added('something else')], options);
    expect(again).toEqual({ ...first, duplicate: true });
    const later = await store.append(stream, [added('x')], { ...options, expectedRevision: 3 });
    expect(later).toEqual({ ...first, duplicate: true });
    expect(await store.readCommand('acme', `c-${stream}`)).toEqual({ ...first, duplicate: true });
    expect((await store.read('acme', stream)).revision).toBe(3);
  });

  it('answers a repeated command that names another stream with what the first one stored', async () => {
    const [store, stream, other] = [open(), newStream(), newStream()];
    const options = { expectedRevision: 0, commandId: `c-${stream}`, context };
    const first = await store.append(stream, [added('tea')], options);
    expect(await store.append(other, [added('tea')], options)).toEqual({ ...first, duplicate: true });
    expect((await store.read('acme', other)).revision).toBe(0);
  });

  it('stores racing copies of a command once and answers all of them alike', async () => {
    const store = open();
    for (let round = 0; round < 5; round++) {
      const stream = newStream();
      // Half of them were decided on a stream that had already moved, as a slow retry would be.
      const racing = Array.from({ length: 10 }, (_, i) => {
        const options = { expectedRevision: 0, commandId: `c-${stream}`, context };
        return store.append(i % 2 ? stream : `${stream}-new`, [added('tea'), added('milk')], options);
      });
      const answers = await Promise.all(racing);
      expect(answers.filter((answer) => !answer.duplicate)).toHaveLength(1);
      expect(new Set(answers.map((answer) => answer.events[0]?.id)).size).toBe(1);
      for (const answer of answers) expect(answer).toMatchObject({ revision: 2, position: answers[0]?.position });
    }
  });

  it('frees the command id of an append that was refused', async () => {
    const [store, stream] = [open(), newStream()];
    const options = { commandId: `c-${stream}`, context };
    await expect(store.append(stream, [added('tea')], { ...options, expectedRevision: 1 })).rejects.toThrow();
    expect((await store.append(stream, [added('tea')], { ...options, expectedRevision: 0 })).duplicate).toBe(false);
  });
}

function separatesTenants(open: () => EventStore): void {
  it('keeps stream ids and command ids of tenants apart', async () => {
    const [store, stream] = [open(), newStream()];
    const options = { expectedRevision: 0, commandId: `c-${stream}` };
    const ours = await store.append(stream, [added('ours')], { ...options, context });
    const theirs = await store.append(stream, [added('theirs')], { ...options, context: contextOf('other') });
    expect(theirs.duplicate).toBe(false);
    expect((await store.read('acme', stream)).events).toEqual(ours.events);
    expect((await store.read('other', stream)).events).toEqual(theirs.events);
    expect((await store.readCommand('other', `c-${stream}`))?.events).toEqual(theirs.events);
    expect(await store.read('third', stream)).toEqual({ events: [], revision: 0 });
    expect(await store.readCommand('third', `c-${stream}`)).toBeUndefined();
  });
}

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

function handlesDecisions(open: () => EventStore): void {
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

interface Model {
  readonly revisions: Map<string, number>;
  readonly commands: Map<string, readonly string[]>;
}

interface Real {
  readonly store: EventStore;
  readonly prefix: string;
}

/** One append with any tenant, stream, expected revision and command id, known or not, beside what should come of it. */
class AppendCommand implements fc.AsyncCommand<Model, Real> {
  constructor(
    readonly tenant: string,
    readonly stream: number,
    readonly expected: number,
    readonly events: number,
    readonly command: number | undefined,
  ) {}

  check = () => true;
  toString = () => `append(${this.tenant}/${this.stream}, ${this.events} at ${this.expected}, command ${this.command})`;

  async run(model: Model, { store, prefix }: Real): Promise<void> {
    const stream = `${prefix}-${this.stream}`;
    const commandId = this.command === undefined ? undefined : `${prefix}-c${this.command}`;
    const [streamKey, commandKey] = [`${this.tenant}/${stream}`, `${this.tenant}/${commandId}`];
    const attempt = store.append(
      stream,
      Array.from({ length: this.events }, () => added('x')),
      { expectedRevision: this.expected, context: contextOf(this.tenant), ...(commandId && { commandId }) },
    );
    const before = model.commands.get(commandKey);
    if (commandId && before) {
      const answer = await attempt;
      expect([answer.duplicate, answer.events.map((event) => event.id)]).toEqual([true, before]);
    } else if ((model.revisions.get(streamKey) ?? 0) !== this.expected) {
      await expect(attempt).rejects.toBeInstanceOf(RevisionConflict);
    } else {
      const answer = await attempt;
      expect([answer.duplicate, answer.revision]).toEqual([false, this.expected + this.events]);
      model.revisions.set(streamKey, answer.revision);
      if (commandId)
        model.commands.set(
          commandKey,
          answer.events.map((event) => event.id),
        );
    }
    const { events, revision } = await store.read(this.tenant, stream);
    expect(revision).toBe(model.revisions.get(streamKey) ?? 0);
    expect(events.map((event) => event.revision)).toEqual(Array.from({ length: revision }, (_, i) => i + 1));
  }
}

function behavesLikeItsModel(open: () => EventStore): void {
  it('does what its model does, for any sequence of appends', async () => {
    const append = fc
      .tuple(
        fc.constantFrom('acme', 'other'),
        fc.nat(1),
        fc.nat(4),
        fc.integer({ min: 1, max: 3 }),
        fc.option(fc.nat(3), { nil: undefined }),
      )
      .map((args) => new AppendCommand(...args));
    const property = fc.asyncProperty(fc.commands([append], { maxCommands: 25, size: '+1' }), (commands) =>
      fc.asyncModelRun(
        () => ({
          model: { revisions: new Map(), commands: new Map() },
          real: { store: open(), prefix: newStream() },
        }),
        commands,
      ),
    );
    await fc.assert(property, { numRuns: 25 });
  });
}
