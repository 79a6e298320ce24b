import { describe, expect, it } from '@jest/globals';
import { describeEntry } from './describe-entry.js';
import { queryOf } from './filters.js';

describe('a search', () => {
  it('becomes the parameters of the service', () => {
    expect(
      queryOf({
        actor: 'service/ci',
        decision: 'deny',
        resource: 'production',
        from: '2026-11-22T03:00:00+01:00',
      } as never),
    ).toMatchObject({ actor: 'ci', decision: 'false', resource: 'scope/production', from: '2026-11-22T02:00:00.000Z' });
  });

  it('takes an actor without its type, and refuses a time without its offset', () => {
    expect(queryOf({ actor: 'ci' } as never)).toMatchObject({ actor: 'ci', decision: undefined });
    expect(() => queryOf({ to: '2026-11-22T10:00:00' } as never)).toThrow('--to');
    expect(queryOf({ to: '2026-11-22' } as never)).toMatchObject({ to: '2026-11-22T00:00:00.000Z' });
  });
});

describe('an entry in words', () => {
  const told = (value: unknown) => describeEntry(Buffer.from(JSON.stringify(value))).what;

  it('a decision, and any other event', () => {
    const data = {
      decision: true,
      action: 'deploy.preview',
      subject: { type: 'service', id: 'ci' },
      resource: { type: 'project', id: 'app-web' },
    };
    expect(told({ type: 'decision.recorded', data })).toBe('allow service/ci deploy.preview on project/app-web');
    const created = { type: 'key.created', streamId: 'key:1', actor: { type: 'service', id: 'operator' }, data: {} };
    expect(told(created)).toBe('key.created of key:1 by service/operator');
  });

  it('every decision of a batch, with the number that its id ends with', () => {
    const item = (decision: boolean) => ({
      decision,
      action: 'logs.read',
      subject: { type: 'user', id: 'u' },
      resource: { type: 'runtime', id: 'app' },
    });
    expect(told({ type: 'decisions.recorded', data: { items: [item(true), item(false), { decision: 'yes' }] } })).toBe(
      '3 decisions: .0 allow user/u logs.read on runtime/app; .1 deny user/u logs.read on runtime/app; .2 is not a decision',
    );
  });

  it.each([[null], [[]], ['text'], [7]])('%j is not an event, and is told by its size', (value) =>
    expect(told(value)).toMatch(/^\d+ bytes that are not an event$/),
  );

  it('never says allow or deny of something that is not a decision', () => {
    expect(told({ type: 'decision.recorded', data: { decision: 'true' } })).not.toMatch(/allow|deny/);
    expect(told({ type: 'key.created', data: { decision: true } })).not.toMatch(/allow|deny/);
  });
});
