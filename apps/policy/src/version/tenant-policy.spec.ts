import type { Actor, Envelope } from '@gatehouse/contracts';
import { fold, type NewEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { activateVersion, rollBack } from './activate-version/activate-version.js';
import { approveRequest, rejectRequest } from './approve-request/approve-request.js';
import { changeSettings } from './change-settings/change-settings.js';
import { policyRequestLimits, type TenantPolicy, tenantPolicyDecider } from './tenant-policy.js';

const ann: Actor = { type: 'user', id: 'ann' };
const bob: Actor = { type: 'user', id: 'bob' };
const ci: Actor = { type: 'service', id: 'ci' };
const at = Date.parse('2026-11-20T12:00:00Z');
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const [a, b, c] = [digest('a'), digest('b'), digest('c')];

/** What was decided becomes events of the stream, by `actor` at `now`. */
class Story {
  readonly events: Envelope[] = [];
  get state(): TenantPolicy {
    return fold(tenantPolicyDecider, this.events);
  }
  add(actor: Actor, now: number, decide: (state: TenantPolicy) => readonly NewEvent[]): readonly NewEvent[] {
    const decided = decide(this.state);
    for (const event of decided)
      this.events.push({ ...event, actor, occurredAt: new Date(now).toISOString() } as unknown as Envelope);
    return decided;
  }
  activate(to: string | null, by = ann, requestId = 'r1', now = at, expectedActive?: string | null) {
    return this.add(by, now, activateVersion({ digest: to, reason: 'because', requestId, now, expectedActive }));
  }
  rollBack(to: string | null, by = ann, requestId = 'r1') {
    return this.add(by, at, rollBack({ digest: to, reason: 'it was wrong', requestId, now: at }));
  }
  settings(mode: TenantPolicy['mode'], fourEyes: boolean, by = ann, requestId = 's1') {
    return this.add(by, at, changeSettings({ mode, fourEyes, reason: 'because', requestId, now: at }));
  }
  approve(requestId: string, by: Actor, now = at, handsOfRequester: readonly Actor[] = []) {
    return this.add(by, now, approveRequest({ requestId, by, now, handsOfRequester }));
  }
}

const types = (events: readonly NewEvent[]) => events.map((event) => event.type);

describe('activating', () => {
  it('given another active version, activates and remembers what was before', () => {
    const story = new Story();
    story.activate(a);
    expect(story.activate(b)).toEqual([
      {
        type: 'policy.activated',
        version: 1,
        data: { digest: b, previous: a, reason: 'because', rollback: false },
      },
    ]);
    expect(story.state).toMatchObject({ active: b, earlier: [null, a] });
  });

  it('given the same version, changes nothing', () => {
    const story = new Story();
    story.activate(a);
    expect(story.activate(a)).toEqual([]);
  });

  it('given another version than the caller saw, refuses', () => {
    const story = new Story();
    story.activate(a);
    expect(() => story.activate(b, ann, 'r1', at, null)).toThrow('stale_revision');
    expect(() => story.activate(b, ann, 'r1', at, c)).toThrow('stale_revision');
    expect(types(story.activate(b, ann, 'r1', at, a))).toEqual(['policy.activated']);
  });
});

describe('rolling back', () => {
  it('goes to what was active before, step by step to the built-in roles, and says so', () => {
    const story = new Story();
    for (const to of [a, b]) story.activate(to);
    expect(story.rollBack(a)).toEqual([
      {
        type: 'policy.activated',
        version: 1,
        data: { digest: a, previous: b, reason: 'it was wrong', rollback: true },
      },
    ]);
    story.rollBack(null);
    expect(story.state).toMatchObject({ active: null, earlier: [] });
    expect(() => story.rollBack(null)).toThrow('nothing_to_roll_back');
  });

  it('refuses when another version came between', () => {
    const story = new Story();
    for (const to of [a, b]) story.activate(to);
    expect(() => story.rollBack(null)).toThrow('stale_revision');
  });

  it('undoes any sequence of activations, one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(a, b, c), { maxLength: 20 }), (versions) => {
        const story = new Story();
        const actives: (string | null)[] = [null];
        for (const to of versions) if (story.activate(to).length > 0) actives.push(to);
        while (actives.length > 1) {
          expect(story.state.active).toBe(actives.pop());
          story.rollBack(actives.at(-1) as string | null);
        }
        expect(story.state.active).toBe(null);
      }),
    );
  });
});

describe('four eyes', () => {
  const withFourEyes = () => {
    const story = new Story();
    expect(types(story.settings('strict', true))).toEqual(['policy.settings_changed']);
    return story;
  };

  it('ask somebody else for an activation and for a roll-back', () => {
    const story = new Story();
    story.activate(a);
    story.settings('strict', true);
    expect(types(story.activate(b))).toEqual(['policy.activation_requested']);
    expect(story.state.active).toBe(a);
    expect(types(story.rollBack(null, ann, 'r2'))).toEqual(['policy.activation_requested']);
    expect(story.approve('r2', bob)).toMatchObject([{ data: { digest: null, rollback: true, requestId: 'r2' } }]);
    expect(story.state).toMatchObject({ active: null, earlier: [] });
  });

  it('ask somebody else to be turned off, and for another mode', () => {
    for (const [mode, fourEyes] of [
      ['strict', false],
      ['audit_only', true],
    ] as const) {
      const story = withFourEyes();
      expect(types(story.settings(mode, fourEyes))).toEqual(['policy.settings_requested']);
      expect(story.state).toMatchObject({ mode: 'strict', fourEyes: true });
      expect(() => story.approve('s1', ann)).toThrow('own_request');
      story.approve('s1', bob);
      expect(story.state).toMatchObject({ mode, fourEyes });
    }
  });

  it('are not the requester, nor a service, nor whoever has the key of the service that asked', () => {
    const story = withFourEyes();
    story.activate(b, ci);
    expect(() => story.approve('r1', ci)).toThrow('approver_not_a_person');
    expect(() => story.approve('r1', { type: 'service', id: 'other' })).toThrow('approver_not_a_person');
    expect(() => story.approve('r1', ann, at, [ann])).toThrow('own_request');
    expect(types(story.approve('r1', bob, at, [ann]))).toEqual(['policy.activated']);
  });

  it('do not agree to what they did not see: another activation makes a request void', () => {
    const story = withFourEyes();
    story.activate(a, ann, 'r1');
    story.activate(b, ann, 'r2');
    story.approve('r2', bob);
    expect(() => story.approve('r1', bob)).toThrow('request_void');
    expect(() => story.approve('r2', bob)).toThrow('request_closed');
  });

  it('forget after seven days', () => {
    const story = withFourEyes();
    story.activate(a);
    const end = at + policyRequestLimits.lifeMs;
    expect(() => story.approve('r1', bob, end)).toThrow('request_expired');
    expect(types(story.approve('r1', bob, end - 1))).toEqual(['policy.activated']);
  });

  it('may say no, and whoever asked may take it back', () => {
    for (const by of [ann, bob]) {
      const story = withFourEyes();
      story.activate(a);
      story.add(by, at, rejectRequest({ requestId: 'r1', reason: 'no' }));
      expect(() => story.approve('r1', bob)).toThrow('request_closed');
      expect(() => rejectRequest({ requestId: 'r1', reason: 'no' })(story.state)).toThrow('request_closed');
    }
  });

  it('know no request of somebody else', () => {
    expect(() => withFourEyes().approve('of-another-tenant', bob)).toThrow('not_found');
  });

  it('look at twenty requests, not more; what has expired does not count', () => {
    const story = withFourEyes();
    for (let i = 0; i < policyRequestLimits.open; i++) story.activate(a, ann, `r${i}`);
    expect(() => story.activate(a, ann, 'one-more')).toThrow('too_many_requests_open');
    expect(types(story.activate(a, ann, 'later', at + policyRequestLimits.lifeMs))).toEqual([
      'policy.activation_requested',
    ]);
  });
});
