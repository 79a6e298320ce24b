import { describe, expect, it } from '@jest/globals';
import { parsePolicyText } from '../parse.js';
import { runPolicyTests } from './run-tests.js';

const policy = `
actions: [doc.read, doc.write]
roles:
  - {name: editor, rules: [{effect: permit, actions: [doc.*]}]}
rules:
  - {id: office-hours, type: selector, effect: forbid, who: {anyone: true}, actions: [doc.write], when: {time.hour: {lt: 8}}}
  - {id: readers, type: selector, effect: permit, who: {teams: [readers]}, what: {labels: {public: "yes"}}, actions: [doc.read]}
  - {id: confirm, type: obligation, on: permit, actions: [doc.write], obligation: {type: step_up}}
tests:
`;
const facts = `facts: {grants: [{subject: user/ann, role: editor}], groups: [{group: team/readers, member: user/bob}], entities: [{entity: doc/d, labels: {public: "yes"}}]}`;
const request = (who: string, action: string) => `request: {subject: user/${who}, action: ${action}, resource: doc/d}`;

function run(...tests: string[]) {
  const parsed = parsePolicyText(policy + tests.map((test, i) => `  - {name: t${i}, ${test}}`).join('\n'));
  expect([...parsed.errors, ...parsed.warnings]).toEqual([]);
  return runPolicyTests(parsed.document ?? {}, parsed.tests);
}

describe('tests of a policy', () => {
  it('pass', () => {
    const results = run(
      `${request('ann', 'doc.write')}, ${facts}, expect: {decision: permit, matched: [role/editor], obligations: [confirm]}`,
      `${request('ann', 'doc.write')}, ${facts}, now: "2026-01-05T07:59:59Z", expect: {decision: deny, reason: forbidden, matched: [office-hours]}`,
      `${request('bob', 'doc.read')}, ${facts}, expect: {decision: permit, matched: [readers], obligations: []}`,
      `${request('bob', 'doc.read')}, expect: deny`,
    );
    expect(results.map(({ faults }) => faults)).toEqual([[], [], [], []]);
    expect(results.every(({ passed }) => passed)).toBe(true);
  });

  it('fail with what was answered and what would have been needed', () => {
    const [first, second, third] = run(
      `${request('bob', 'doc.write')}, ${facts}, expect: permit`,
      `${request('ann', 'doc.write')}, ${facts}, expect: {decision: permit, matched: [readers], obligations: []}`,
      `${request('bob', 'doc.read')}, ${facts}, expect: {decision: deny, reason: no_grant}`,
    );
    expect(first).toMatchObject({
      passed: false,
      decision: 'deny',
      reason: 'no_grant',
      needed: { roles: ['editor', 'owner'] },
    });
    expect(first?.faults).toEqual(['expected permit, got deny (no_grant; matched: none)']);
    expect(second?.faults).toEqual([
      'expected a match of readers; matched: role/editor',
      'expected the obligations none, got confirm',
    ]);
    expect(third?.faults).toEqual([
      'expected deny, got permit (permitted; matched: readers)',
      'expected the reason no_grant, got permitted',
    ]);
  });

  it('are read with their places', () => {
    const wrong = `${policy}  - name: t
    request: {subject: ann/, action: doc.read, resource: doc/d}
    expect: permitt
  - {name: u, request: {subject: user/a, action: doc.read, resource: doc/d}, facts: {grants: [{subject: user/a, role: owner, scop: x}]}, expect: permit}`;
    const places = (text: string) => parsePolicyText(text).errors.map(({ path, line }) => `${path}@${line}`);
    expect(places(wrong)).toEqual(['tests.0.expect@12', 'tests.1.facts.grants.0.scop@13']);
    const again = wrong.replace('permitt', 'permit').replace(', scop: x', '');
    expect(places(again)).toEqual(['tests.0.request.subject.id@11']);
    expect(places(again.replace('ann/', 'user/ann').replace('name: u', 'name: t'))).toEqual(['tests.1.name@13']);
  });
});
