import { comparePositions, envelope, maxEnvelopeBytes } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import { added, context, contextOf, newStream } from './carts.fixture.js';
import { handlesDecisions } from './handle.contract.js';
import { behavesLikeItsModel } from './model.contract.js';
import { type CommandContext, type EventStore, EventTooLarge, RevisionConflict } from './store.js';

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
