import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { added, contextOf, newStream } from './carts.fixture.js';
import { type EventStore, RevisionConflict } from './store.js';

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

/** Any appends, beside what should come of them. */
export function behavesLikeItsModel(open: () => EventStore): void {
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
