import { describe, expect, it } from '@jest/globals';
import { parsePolicyText } from '../parse.js';

/** The findings of a policy, as `code path@line`. */
function lint(text: string): string[] {
  const { errors, warnings } = parsePolicyText(text);
  return [...errors, ...warnings].map(({ code, path, line }) => `${code} ${path}@${line}`);
}

const messages = (text: string) => {
  const { errors, warnings } = parsePolicyText(text);
  return [...errors, ...warnings].map(({ message }) => message).join('\n');
};

/** Rules of the document in one line each, so that rule 0 stands in line 2. */
const rules = (...lines: string[]): string => `rules:\n${lines.map((line) => `  - {${line}}`).join('\n')}`;
const permit = (id: string, rest: string) => `id: ${id}, type: selector, effect: permit, ${rest}`;
const forbid = (id: string, rest: string) => `id: ${id}, type: selector, effect: forbid, ${rest}`;
const some = 'who: {teams: [t]}, actions: [logs.read]';

describe('nothing is said of', () => {
  it.each([
    ['a plain policy', rules(permit('a', some), forbid('b', 'who: {users: [u]}, actions: [logs.read]'))],
    ['a forbid with a condition', rules(permit('a', some), forbid('b', `${some}, when: {context.x: 1}`))],
    ['a narrower forbid', rules(permit('a', some), forbid('b', `${some}, what: {types: [x]}`))],
    [
      'two conditions',
      rules(permit('a', `${some}, when: {context.x: 1}`), permit('b', `${some}, when: {context.x: 2}`)),
    ],
    ['public read', rules(permit('a', 'who: {anyone: true}, actions: [logs.read]'))],
    ['a declared action', `actions: [doc.read]\n${rules(permit('a', 'who: {teams: [t]}, actions: [doc.read]'))}`],
    [
      'an action of a role',
      `roles: [{name: r, rules: [{effect: permit, actions: [doc.read]}]}]\n${rules(permit('a', 'who: {teams: [t]}, actions: [doc.read]'))}`,
    ],
    ['forbidding what is guarded', rules(forbid('a', 'who: {teams: [t]}, actions: [role.grant]'))],
    [
      'a forbid in a role over what it inherits',
      'roles: [{name: r, inherits: [viewer], rules: [{effect: forbid, actions: [logs.read]}]}]',
    ],
    [
      'a denial of one action',
      rules(
        'id: a, type: access, mode: allow, patterns: [x]',
        'id: b, type: access, mode: deny, patterns: [x], actions: [logs.read]',
      ),
    ],
    [
      'whole addresses',
      rules(
        'id: a, type: access, mode: allow, patterns: [a@x.org, "*@x.org", "*@*.x.org", "user/*@x.org", "regex:.*@x\\\\.org", "regex:^[^@]+@x.org"]',
      ),
    ],
  ])('%s', (_name, text) => expect(lint(text)).toEqual([]));
});

describe('unknown names', () => {
  it('of actions, with the nearest', () => {
    const text = rules(permit('a', 'who: {teams: [t]}, actions: [deploy.producton, nothing.*, logs.read]'));
    expect(lint(text)).toEqual(['action_unknown rules.0.actions.0@2', 'action_unknown rules.0.actions.1@2']);
    expect(messages(text)).toContain('did you mean "deploy.production"?');
  });

  it('of actions in roles, where they were declared or only a letter is wrong', () => {
    const role = (action: string) => `roles: [{name: r, rules: [{effect: permit, actions: [${action}]}]}]`;
    expect(lint(role('deploy.producton'))).toEqual(['action_unknown roles.0.rules.0.actions.0@1']);
    expect(lint(role('doc.publish'))).toEqual([]);
    expect(lint(`actions: [doc.read]\n${role('doc.publish')}`)).toEqual(['action_unknown roles.0.rules.0.actions.0@2']);
  });

  it('a verb alone is one word of the text, though it means two', () => {
    expect(lint(rules(permit('a', 'who: {teams: [t]}, actions: [read, nothing.x]')))).toEqual([
      'action_unknown rules.0.actions.1@2',
    ]);
  });

  it('of roles, and of obligations', () => {
    expect(lint(rules(permit('a', 'who: [{teams: [t]}, {roles: [viewr]}], actions: [logs.read]')))).toEqual([
      'role_unknown rules.0.who.1.roles.0@2',
    ]);
    expect(lint(rules('id: a, type: obligation, on: permit, obligation: {type: stepup}'))).toEqual([
      'obligation_unknown rules.0.obligation.type@2',
    ]);
  });

  it('twice', () => {
    expect(lint(rules(permit('a', some), permit('a', 'who: {users: [u]}, actions: [logs.read]')))).toEqual([
      'rule_invalid rules.1.id@3',
    ]);
  });
});

describe('a rule that another makes superfluous or void', () => {
  it.each([
    ['the same', permit('a', some), permit('b', some), 'rule_repeated rules.1@3'],
    [
      'a wider pattern',
      permit('a', 'who: {teams: [t]}, actions: [deploy.*]'),
      permit('b', 'who: {teams: [t]}, actions: [deploy.production]'),
      'rule_shadowed rules.1@3',
    ],
    [
      'a wider rule that comes later',
      permit('a', some),
      permit('b', 'who: {anyone: true}, actions: ["*.read"]'),
      'rule_shadowed rules.0@2',
    ],
    [
      'fewer resources',
      permit('a', `${some}, what: {resources: [secret/prod/db]}`),
      permit('b', `${some}, what: {resources: ["secret/*"]}`),
      'rule_shadowed rules.0@2',
    ],
    [
      'resources of a type',
      permit('a', `${some}, what: {resources: [secret/prod/db]}`),
      permit('b', `${some}, what: {types: [secret]}`),
      'rule_shadowed rules.0@2',
    ],
    [
      'labels',
      permit('a', `${some}, what: {labels: {tier: [gold], region: eu}}`),
      permit('b', `${some}, what: {labels: {tier: [gold, silver]}}`),
      'rule_shadowed rules.0@2',
    ],
    [
      'a condition that is equal',
      permit('a', `${some}, when: {context.x: 1, context.y: 2}`),
      permit('b', 'who: {anyone: true}, actions: [logs.read], when: {context.y: 2, context.x: 1}'),
      'rule_shadowed rules.0@2',
    ],
    [
      'a permit that is forbidden',
      permit('a', some),
      forbid('b', 'who: {anyone: true}, actions: ["logs.*"]'),
      'rule_shadowed rules.0@2',
    ],
    [
      'access patterns',
      'id: a, type: access, mode: allow, patterns: ["*"], actions: [logs.read]',
      'id: b, type: access, mode: allow, patterns: [ann], actions: [logs.read]',
      'rule_shadowed rules.1@3',
    ],
  ])('%s', (_name, first, second, finding) => expect(lint(rules(first, second))).toEqual([finding]));

  it('is named with its line', () => {
    expect(messages(rules(permit('a', some), forbid('b', 'who: {anyone: true}, actions: [logs.read]')))).toBe(
      'never permits: rule "b" (line 3) forbids all of it',
    );
  });

  it('in a role, also by what the role inherits', () => {
    const text =
      'roles:\n  - name: r\n    inherits: [viewer]\n    rules:\n      - {effect: permit, actions: [logs.read]}';
    expect(lint(text)).toEqual(['rule_shadowed roles.0.rules.0@5']);
    expect(messages(text)).toContain('rule 0 of role "viewer"');
  });

  it('is not sought for ever', () => {
    const names = Array.from({ length: 60 }, (_, i) => `logs.x${i}`).join(', ');
    const many = Array.from({ length: 900 }, (_, i) => permit(`r${i}`, `who: {teams: [t${i}]}, actions: [${names}]`));
    const before = performance.now();
    expect(lint(rules(...many)).length).toBeGreaterThan(0);
    expect(performance.now() - before).toBeLessThan(30_000);
  });
});

describe('a contradiction', () => {
  const condition = (text: string) => rules(permit('a', `${some}, when: ${text}`));
  it.each([
    '{context.x: {eq: 1, in: [2, 3]}}',
    '{context.x: 1, all: [{context.x: 2}]}',
    '{context.x: {eq: a, not: a}}',
    '{context.x: {gt: 5, lt: 5}}',
    '{context.x: {gte: 5}, all: [{context.x: {lt: 5}}]}',
    '{context.x: {gt: b, lte: a}}',
    '{context.x: {exists: false, eq: 1}}',
    '{context.x: {exists: false}, all: [{context.x: {exists: true}}]}',
    '{context.x: {eq: 1, gt: a}}',
    '{context.x: {lt: 1}, all: [{context.x: {gt: a}}]}',
    '{context.x: {in: []}}',
    '{context.x: {prefix: ab}, all: [{context.x: {prefix: ac}}]}',
    '{context.x: {prefix: ab, eq: xab}}',
    '{subject.id: {exists: false}}',
    '{time.hour: {gt: 23}}',
    '{time.hour: 24}',
    '{time.weekday: {in: [0, 8]}}',
    '{context.x: 1, not: {context.x: 1}}',
    '{all: [{context.x: {gt: 1}}, {not: {context.x: {gt: 1}}}]}',
    '{not: {}}',
    '{any: []}',
    '{any: [{context.x: {eq: 1, not: 1}}, {time.hour: 30}]}',
    '{any: [{any: []}]}',
  ])('in %s', (text) => {
    const { errors } = parsePolicyText(condition(text));
    expect(errors).toMatchObject([{ code: 'contradiction', line: 2 }]);
  });

  it.each([
    '{context.x: {gte: 5, lte: 5}}',
    '{context.x: {gt: 1, lt: 2}}',
    '{context.x: {eq: 1, in: [1, 2], not: 2}}',
    '{context.x: {eq: {path: subject.y}}, not: {context.x: 1}}',
    '{context.x: {exists: true, gt: 1}}',
    '{any: [{context.x: {eq: 1, not: 1}}, {context.x: 1}]}',
    '{context.x: 1, not: {context.x: 1, context.y: 2}}',
    '{not: {any: [{any: []}]}}',
    '{context.x: {prefix: a}, all: [{context.x: {prefix: ab, not: ab}}]}',
    '{time.hour: {gte: 9, lt: 17}, time.weekday: {in: [1, 2, 3, 4, 5]}}',
  ])('not in %s', (text) => expect(parsePolicyText(condition(text)).errors).toEqual([]));

  it.each([
    ['who: []', 'rules.0.who'],
    ['who: {users: []}', 'rules.0.who.users'],
    ['who: [{teams: [t]}, {labels: {a: []}}]', 'rules.0.who.1.labels.a'],
    ['who: {teams: [t]}, what: []', 'rules.0.what'],
    ['who: {teams: [t]}, what: {types: []}', 'rules.0.what.types'],
  ])('in an empty list: %s', (target, path) =>
    expect(lint(rules(permit('a', `${target}, actions: [logs.read]`)))).toEqual([`contradiction ${path}@2`]),
  );

  it('between what is allowed and denied', () => {
    const allow = 'id: a, type: access, mode: allow, patterns: [ann, bob], actions: [logs.read]';
    const text = rules(allow, 'id: b, type: access, mode: deny, patterns: [bob]');
    expect(lint(text)).toEqual(['contradiction rules.0.patterns.1@2']);
    expect(messages(text)).toContain('denied by rule "b" (line 3)');
  });
});

describe('names in another Unicode form than C', () => {
  it.each([
    [
      'a resource',
      permit('a', 'who: {teams: [t]}, what: {resources: ["secret/cafe\u0301/*"]}, actions: [logs.read]'),
      '.what.resources.0@2',
    ],
    [
      'an escape',
      permit('a', 'who: {teams: [t]}, what: {resources: ["secret/cafe\\u0301/*"]}, actions: [logs.read]'),
      '.what.resources.0@2',
    ],
    ['a value', permit('a', `${some}, when: {context.x: "e\u0301"}`), '.when.context.x@2'],
    ['a user', permit('a', 'who: {users: ["jose\u0301"]}, actions: [logs.read]'), '.who.users.0@2'],
  ])('are told, of %s', (_name, rule, place) => {
    expect(lint(rules(rule))).toEqual([`other_form rules.0${place}`]);
    expect(lint(rules(rule.normalize('NFC').replace('e\\u0301', '\u00e9')))).toEqual([]);
  });

  it('are told at their line of a Cedar text', () => {
    const text = 'permit(principal, action, resource)\n        when { context.x == "e\u0301" };';
    expect(lint(`rules:\n  - id: c\n    type: cedar\n    text: |\n        ${text}\n`)).toEqual([
      'other_form rules.0.text@6',
    ]);
  });
});

describe('more than was meant', () => {
  it.each([
    [permit('a', 'who: {anyone: true}'), 'permits_everything rules.0@2'],
    ['id: a, type: access, mode: allow, patterns: ["*"]', 'permits_everything rules.0@2'],
    [permit('a', 'who: {teams: [t]}, actions: [policy.activate]'), 'never_permits rules.0.actions.0@2'],
    [permit('a', 'who: {teams: [t]}, actions: [role.grant, logs.read]'), 'never_permits rules.0.actions.0@2'],
    [forbid('a', 'who: {teams: [t]}, actions: ["policy.*"]'), 'never_permits rules.0.actions.0@2'],
    [
      'id: a, type: access, mode: allow, actions: [logs.read], patterns: ["al*@x.org"]',
      'address_wildcard rules.0.patterns.0@2',
    ],
    [
      'id: a, type: access, mode: allow, actions: [logs.read], patterns: ["a@*.org"]',
      'address_wildcard rules.0.patterns.0@2',
    ],
    ['id: a, type: access, mode: deny, patterns: ["user/?nn@x.org"]', 'address_wildcard rules.0.patterns.0@2'],
    ['id: a, type: access, mode: deny, patterns: ["regex:(ann|bob)@x.org"]', 'address_wildcard rules.0.patterns.0@2'],
    ['id: a, type: access, mode: deny, patterns: ["regex:(?=a)b"]', 'rule_invalid rules.0.patterns.0@2'],
    ['id: a, type: access, mode: deny, patterns: ["regex:(a)\\\\1"]', 'rule_invalid rules.0.patterns.0@2'],
    ['id: a, type: access, mode: deny, patterns: ["[z-a]"]', 'rule_invalid rules.0.patterns.0@2'],
    [permit('a', 'who: {teams: [t]}, actions: ["logs.*.read"]'), 'rule_invalid rules.0.actions.0@2'],
    ['id: a, type: rate_limit, requests_per_period: 0, period_seconds: 1', 'value_wrong rules.0.requests_per_period@2'],
    ['id: a, type: access, denied_users: [ann]', 'other_meaning rules.0@2'],
  ])('%s', (rule, finding) => expect(lint(rules(rule))).toEqual([finding]));

  it('says why RE2 can not', () => {
    expect(messages(rules('id: a, type: access, mode: deny, patterns: ["regex:(?=a)b"]'))).toContain('(?=');
  });
});
