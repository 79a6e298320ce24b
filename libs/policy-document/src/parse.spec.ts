import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalText, digestOf } from './digest.js';
import type { Finding } from './finding.js';
import { parsePolicyText, parsePolicyValue } from './parse.js';

const firstError = (text: string) => {
  const { code, path, line, column, message } = parsePolicyText(text).errors[0] ?? ({} as Partial<Finding>);
  return { code, path, line, column, message };
};

const documentOf = (text: string) => {
  const { document, errors } = parsePolicyText(text);
  expect(errors).toEqual([]);
  return document;
};

describe('a finding has its place', () => {
  it('of a value, and the word that was meant', () => {
    const text = 'rules: [{id: a, type: access, mode: alow, patterns: ["*"]}]';
    const message = 'must be one of allow, deny; did you mean "allow"?';
    expect(firstError(text)).toEqual({ code: 'value_wrong', path: 'rules.0.mode', line: 1, column: 37, message });
  });

  it.each([
    [
      'ruls: []',
      { code: 'member_unknown', path: 'ruls', line: 1, message: 'is not known here; did you mean "rules"?' },
    ],
    [
      'title: a\nrules:\n  - id: x\n    type: acess',
      { code: 'value_wrong', path: 'rules.0.type', line: 4, column: 11 },
    ],
    ['rules:\n  - type: cedar\n    text: x', { code: 'member_missing', path: 'rules.0.id', line: 2 }],
    ['title: a\ntitle: b', { code: 'duplicate_member', path: 'title', line: 2, column: 1 }],
    ['{"title": "a",\n "title": "b"}', { code: 'duplicate_member', path: 'title', line: 2, column: 2 }],
    ['title: [', { code: 'syntax', line: 1 }],
    ['title: a\n---\ntitle: b', { code: 'syntax', line: 2, message: 'holds several documents' }],
    ['%YAML 1.1\n---\ntitle: no', { code: 'syntax' }],
    ['title: !secret x', { code: 'tag_refused', path: 'title' }],
    ['record: *nobody', { code: 'alias_refused', line: 1, column: 9 }],
    ['record: &a [*a]', { code: 'too_deep' }],
    ['title: .nan', { code: 'number_refused' }],
    ['title: 9007199254740993', { code: 'number_refused' }],
    ['__proto__: {title: a}', { code: 'member_unknown', path: '__proto__' }],
    ['{"rules": [], "__proto__": {}}', { code: 'member_unknown', path: '__proto__' }],
    ['roles:\n  - name: a\n    rules: []\n    inherits: [maintainr]', { code: 'role_unknown', line: 4, column: 16 }],
    ['roles:\n  - name: owner\n    rules: []', { code: 'rule_invalid', path: 'roles.0.name', line: 2 }],
    [
      'roles:\n  - name: a\n    rules:\n      - effect: permit\n        actions: [x.y]\n        when:\n          subject.age: {get: 18}',
      { code: 'member_unknown', path: 'roles.0.rules.0.when.subject.age.get', line: 7, column: 25 },
    ],
    [
      'roles:\n  - name: a\n    rules:\n      - effect: permit\n        actions: [x.y]\n        when: {all: [{any: [{user.age: 3}]}]}',
      { code: 'value_wrong', path: 'roles.0.rules.0.when.all.0.any.0.user.age', line: 6 },
    ],
  ])('%j', (text, finding) => expect(firstError(text)).toMatchObject(finding));

  it.each([
    ['{"title":\n x}', 2, 2],
    ['{"title": "a",\n}', 2, 1],
    ['{"rules": [1 2]}', 1, 14],
    ['{"title": "a\tb"}', 1, 11],
    ['{"title"', 1, 9],
    ['{"a": tru', 1, 7],
    ['{} x', 1, 4],
    ['', 1, 1],
    ['[1]]', 1, 4],
    ['{"a" 1}', 1, 6],
  ])('of JSON that is none: %j', (text, line, column) => {
    const { errors } = parsePolicyText(text, { format: 'json' });
    expect(errors).toEqual([
      { code: 'syntax', severity: 'error', message: 'is not JSON from here on', path: '', line, column },
    ]);
  });

  it('is absent where there was no text', () => {
    expect(parsePolicyValue({ rules: [{ id: 'a', type: 'acess' }] }).errors[0]?.line).toBeUndefined();
  });
});

describe('dialects', () => {
  it('allowed and denied users are two rules, and findings stand where they were written', () => {
    const text = `rules:
  - {id: a, type: access, allowed_users: ['*@example.org'], denied_users: [bob@example.org], actions: [doc.read]}`;
    expect(documentOf(text)?.rules).toEqual([
      { id: 'a.allowed', type: 'access', mode: 'allow', patterns: ['*@example.org'], actions: ['doc.read'] },
      { id: 'a.denied', type: 'access', mode: 'deny', patterns: ['bob@example.org'], actions: ['doc.read'] },
    ]);
    const wrong =
      'rules:\n  - id: a\n    type: access\n    allowed_users: [x]\n    denied_users: [y, "b*@example.org"]';
    const place = { code: 'address_wildcard', path: 'rules.0.denied_users.1', line: 5, column: 23 };
    expect(firstError(wrong)).toMatchObject(place);
  });

  it.each([
    ['limit: 10/s', 10, 1],
    ['rate: 100/m', 100, 60],
    ['limit: 1000/h', 1000, 3_600],
    ['rate: 5000/d', 5_000, 86_400],
  ])('%s', (member, count, seconds) => {
    expect(documentOf(`rules: [{id: a, type: rate_limit, ${member}}]`)?.rules).toEqual([
      { id: 'a', type: 'rate_limit', scope: 'per_user', requests_per_period: count, period_seconds: seconds },
    ]);
  });

  it.each(['0/s', '10', '10/w', '-1/s', '1.5/s', '١٠/s', ' 10/s', '"10/s\\n"', '1e3/s', '99999999999/s'])(
    'the limit %s is none',
    (limit) =>
      expect(
        firstError(`rules: [{id: a, type: rate_limit, limit: ${limit.startsWith('"') ? limit : `"${limit}"`}}]`),
      ).toMatchObject({ path: 'rules.0.limit', code: 'value_wrong' }),
  );

  it.each([
    '{id: a, type: access, mode: allow, patterns: [x], denied_users: [y]}',
    '{id: a, type: access, mode: allow, allowed_users: [y]}',
    '{id: a, type: rate_limit, limit: 1/s, rate: 1/s}',
    '{id: a, type: rate_limit, limit: 1/s, period_seconds: 1}',
  ])('a mixture is refused: %s', (rule) =>
    expect(firstError(`rules: [${rule}]`)).toMatchObject({ code: 'mixed_dialects' }),
  );

  it('verbs alone mean every action that ends so, and the action called so', () => {
    const rule = '{id: a, type: selector, effect: permit, who: {teams: [t]}, actions: [read, deploy.x, write]}';
    expect(documentOf(`rules: [${rule}]`)?.rules).toMatchObject([
      { actions: ['*.read', 'read', 'deploy.x', '*.write', 'write'] },
    ]);
  });

  it('anchors and JSON are fine', () => {
    const yaml =
      'rules:\n  - {id: a, type: access, mode: allow, patterns: &p [x]}\n  - {id: b, type: access, mode: deny, patterns: *p, actions: [q.r]}';
    const { document } = parsePolicyText(yaml);
    const again = parsePolicyText(JSON.stringify(document, null, '\t'));
    expect(again).toMatchObject({ document, errors: [] });
  });

  it('an empty file is the empty policy', () =>
    expect(parsePolicyText('')).toMatchObject({ document: {}, errors: [] }));
});

describe('the digest', () => {
  it('does not depend on the order of members', () => {
    const one = documentOf('rules: [{id: a, type: access, mode: allow, patterns: [x]}]\nrecord: [subject.a]');
    const two = documentOf('record: [subject.a]\nrules: [{patterns: [x], mode: allow, type: access, id: a}]');
    expect(one && two && digestOf(one) === digestOf(two)).toBe(true);
    expect(one && canonicalText(one)).toBe(
      '{"record":["subject.a"],"rules":[{"id":"a","mode":"allow","patterns":["x"],"type":"access"}]}',
    );
  });
});

describe('hostile text', () => {
  const laughs = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`).join('\n');
  const texts: Record<string, string> = {
    'a thousand laughs': `a0: &a0 x\n${laughs}`,
    brackets: '['.repeat(500_000),
    braces: '{"a":'.repeat(150_000),
    dashes: '- '.repeat(100_000),
    'lines below lines': Array.from({ length: 1_300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    members: Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n'),
    aliases: `a: &a x\nb: [${'*a ,'.repeat(40_000)}]`,
    'line ends': '\n'.repeat(1_000_000),
    'too much': 'a'.repeat(1_048_577),
  };
  it.each(Object.keys(texts))('%s are refused in time', (name) => {
    const before = performance.now();
    const { errors, document } = parsePolicyText(texts[name] ?? '');
    expect({ errors: errors.length > 0 && errors.length <= 201, document }).toEqual({
      errors: true,
      document: undefined,
    });
    expect(performance.now() - before).toBeLessThan(20_000);
  });

  it('aliases are told as what they are, before they fill the memory', () => {
    expect(firstError(texts['a thousand laughs'] ?? '')).toMatchObject({ code: 'alias_refused' });
  });

  it.each([41, 60, 200])('%d levels are too deep, as YAML and as JSON', (levels) => {
    const properties = `${'{"a":'.repeat(levels - 5)}1${'}'.repeat(levels - 5)}`;
    const rule = `{"id": "a", "type": "obligation", "on": "any", "obligation": {"type": "notify", "properties": ${properties}}}`;
    const block = Array.from({ length: levels }, (_, i) => `${' '.repeat(i)}a:`).join('\n');
    expect(firstError(`{"rules": [${rule}]}`)).toMatchObject({ code: 'too_deep' });
    expect(firstError(block)).toMatchObject({ code: 'too_deep' });
  });

  it('no object gets another prototype, wherever names are free', () => {
    const hidden = '"__proto__": {"mfa": true}';
    const request = `{"subject": "user/a", "action": "x.y", "resource": "doc/d", "context": {${hidden}}}`;
    const texts = [
      `{"tests": [{"name": "t", "request": ${request}, "expect": "deny"}]}`,
      `{"rules": [{"id": "a", "type": "obligation", "on": "any", "obligation": {"type": "notify", "properties": {${hidden}}}}]}`,
      `{"rules": [{"id": "a", "type": "selector", "effect": "permit", "who": {"labels": {${hidden}}}}]}`,
      `{"roles": [{"name": "r", "rules": [{"effect": "permit", "actions": ["x.y"], "when": {${hidden}}}]}]}`,
    ];
    for (const text of texts) {
      const message = 'must not be named __proto__';
      expect(firstError(text)).toMatchObject({ code: 'member_unknown', message });
      expect(parsePolicyText(text, { format: 'yaml' }).errors[0]).toMatchObject({ code: 'member_unknown', message });
      expect(parsePolicyValue(JSON.parse(text)).errors[0]).toMatchObject({ code: 'member_unknown', message });
    }
  });

  it('nothing throws', () => {
    const piece = fc.constantFrom(
      'rules',
      'roles',
      ':',
      ' ',
      '\n',
      '- ',
      '{',
      '}',
      '[',
      ']',
      'id',
      'type',
      'access',
      '&a ',
      '*a',
      '"',
      "'",
      '|',
      '>',
      '!t ',
      '? ',
      '<<',
      '#',
      ',',
      'tests',
      'when',
      '%',
      '---',
      '\t',
      '1e999',
      '0x',
      '\u0000',
      '\ud800',
      '__proto__',
      'constructor',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 40 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(texts, fc.constantFrom('yaml' as const, 'json' as const, undefined), (text, format) => {
        const { errors, document } = parsePolicyText(text, format === undefined ? {} : { format });
        expect(document === undefined).toBe(errors.length > 0);
        for (const { line } of errors) expect(line === undefined || line >= 1).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('no value throws', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }), (value) => {
        parsePolicyValue(value);
        parsePolicyValue({ rules: [value], roles: value, tests: [value] });
        parsePolicyValue({ rules: [{ id: 'a', type: 'selector', effect: 'permit', who: value, when: value }] });
      }),
      { numRuns: 1_000 },
    );
  });
});
