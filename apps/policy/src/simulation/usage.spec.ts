import { builtinRoles, type PolicyDocument } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import { withoutGrants } from './reduced-facts.js';
import { factsOf, granted } from './simulation.fixture.js';
import { Counts, readRuleName, tallyLimits } from './tally.js';
import { Usage } from './usage.js';

const permit = (action: string) => ({ effect: 'permit', actions: [action] }) as const;
const viewerRules = builtinRoles.find(({ name }) => name === 'viewer')?.rules.length ?? 0;

describe('usage', () => {
  const document: PolicyDocument = {
    roles: [
      { name: 'heir', inherits: ['viewer', 'base'], rules: [permit('a'), { effect: 'forbid', actions: ['b'] }] },
      { name: 'base', rules: [permit('c'), permit('d')] },
    ],
    rules: [
      { type: 'selector', id: 'used', effect: 'permit', who: { anyone: true } },
      { type: 'selector', id: 'unused', effect: 'permit', who: { anyone: true } },
      { type: 'access', id: 'open', mode: 'allow', patterns: ['*'] },
      { type: 'access', id: 'shut', mode: 'deny', patterns: ['x'] },
    ],
  };

  it('traces a rule of an heir back to where it stands, and proposes permits only', () => {
    const usage = new Usage();
    // Behind its own two and those of viewer comes the first of base.
    usage.add([`heir#${2 + viewerRules}@g1`, 'used']);
    const reduced = usage.reduce(document);
    expect(reduced.unusedRoleRules).toEqual(['heir#0', 'base#1']);
    expect(reduced.unusedRules).toEqual(['unused', 'open']);
    expect(reduced.document.roles?.map(({ rules }) => rules.length)).toEqual([1, 1]);
    expect(reduced.document.rules?.map(({ id }) => id)).toEqual(['used', 'shut']);
    expect([...usage.grants]).toEqual(['g1']);
  });

  it('reads names of evidence back', () => {
    expect(readRuleName('developer#2@owner:project/a@b')).toEqual({
      role: 'developer',
      rule: 2,
      grant: 'owner:project/a@b',
    });
    expect(readRuleName('no writes at night')).toEqual({ policy: 'no writes at night' });
  });

  it('counts invented names together', () => {
    const counts = new Counts();
    for (let at = 0; at < tallyLimits.keys + 500; at += 1) counts.add(`name${at}`);
    counts.add('name0');
    for (let at = 0; at < 3; at += 1) counts.add('too late');
    expect(counts.list()).toHaveLength(tallyLimits.shown + 1);
    expect(counts.list()[0]).toEqual({ name: 'name0', count: 2 });
    expect(counts.list().at(-1)).toEqual({ name: 'other', count: tallyLimits.keys + 503 - tallyLimits.shown });
  });
});

describe('facts without some grants', () => {
  const ann = { type: 'user', id: 'ann' };
  const doc = { type: 'doc', id: 'd' };
  const facts = factsOf(granted('g1', 'ann', 'viewer'), granted('g2', 'ann', 'user'), {
    kind: 'granted',
    grant: { id: 'g3', subject: { type: 'org', id: 'acme' }, role: 'developer', scope: '*' },
  });
  const idsOf = (...revoked: string[]) => {
    const less = withoutGrants(facts, 'acme', new Set(revoked));
    const about = less.about(ann, doc).covering;
    expect(less.covering(ann, doc)).toEqual(about);
    expect(less.held(ann)).toEqual(about);
    return [about.map(({ id }) => id).sort(), less.groups(ann).length];
  };

  it('lack them, and what the organization holds once nothing else makes a member of it', () => {
    expect(idsOf()).toEqual([['g1', 'g2', 'g3'], 1]);
    expect(idsOf('g1')).toEqual([['g2', 'g3'], 1]);
    expect(idsOf('g1', 'g2')).toEqual([[], 0]);
  });
});
