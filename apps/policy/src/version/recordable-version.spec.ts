import { randomBytes } from 'node:crypto';
import { generateKey } from '@gatehouse/crypto';
import type { PolicyDocument } from '@gatehouse/evaluator';
import type { PolicyTest } from '@gatehouse/policy-document';
import { describe, expect, it } from '@jest/globals';
import { recordable } from '../decision/identifiers.js';
import { recordableVersion } from './recordable-version.js';

const pepper = randomBytes(32);
const pseudonym = (id: string) => recordable(pepper, { type: 'user', id }).id;
const ann = 'ann@example.org';
const keep = (document: object, tests: readonly object[] = []) =>
  recordableVersion(pepper, { document: document as PolicyDocument, actions: [], tests: tests as PolicyTest[] });
const rule = (more: object) => ({ rules: [{ id: 'r', type: 'selector', effect: 'permit', ...more }] });

describe('a version as it is kept', () => {
  it.each([
    ['users', rule({ who: { users: [ann] } }), rule({ who: { users: [pseudonym(ann)] } })],
    [
      'subjects',
      rule({ who: [{ subjects: [`user/${ann}`] }] }),
      rule({ who: [{ subjects: [`user/${pseudonym(ann)}`] }] }),
    ],
    [
      'resources',
      rule({ what: { resources: [`mailbox/${ann}/*`] } }),
      rule({ what: { resources: [`mailbox/${pseudonym(ann)}/*`] } }),
    ],
    [
      'conditions',
      rule({ when: { any: [{ 'subject.mail': { in: [ann] } }] } }),
      rule({ when: { any: [{ 'subject.mail': { in: [pseudonym(ann)] } }] } }),
    ],
    [
      'owners',
      rule({ when: { 'resource.owner': `user/${ann}` } }),
      rule({ when: { 'resource.owner': `user/${pseudonym(ann)}` } }),
    ],
    ['patterns', rule({ patterns: [ann] }), rule({ patterns: [pseudonym(ann)] })],
    ['patterns with a type', rule({ patterns: [`user/${ann}`] }), rule({ patterns: [`user/${pseudonym(ann)}`] })],
    [
      'Cedar',
      { rules: [{ id: 'c', type: 'cedar', text: `permit(principal == user::"${ann}", action, resource);` }] },
      {
        rules: [{ id: 'c', type: 'cedar', text: `permit(principal == user::"${pseudonym(ann)}", action, resource);` }],
      },
    ],
  ])('names somebody by the pseudonym that decisions see: %s', (_name, given, expected) => {
    const { content, replaced, errors } = keep(given);
    expect(errors).toEqual([]);
    expect(content.document).toEqual(expected);
    expect(replaced).toBe(1);
    // What is edited and drafted again stays the same version.
    expect(keep(content.document)).toMatchObject({ content, replaced: 0, errors: [] });
  });

  it('names somebody so in its tests, too', () => {
    const test = { name: 't', request: { subject: { type: 'user', id: ann } }, facts: { grants: [{ scope: '*' }] } };
    const { content, replaced } = keep({}, [test]);
    expect(content.tests).toMatchObject([{ name: 't', request: { subject: { type: 'user', id: pseudonym(ann) } } }]);
    expect(replaced).toBe(1);
  });

  it.each(['*@example.org', 'user/*@example.org', '*', 'p?', 'regex:.*@example\\.org', 'u_7'])(
    'keeps a pattern that names nobody: %s',
    (pattern) => expect(keep(rule({ patterns: [pattern] }))).toMatchObject({ replaced: 0, errors: [] }),
  );

  it.each(['ann*@example.org', '?nn@example.org', 'regex:ann.*@example\\.org', 'ann@*.org'])(
    'refuses a pattern that would match no pseudonym: %s',
    (pattern) =>
      expect(keep(rule({ patterns: [pattern] })).errors).toMatchObject([
        { code: 'address_wildcard', path: 'rules.0.patterns.0' },
      ]),
  );

  it.each([
    ['a description', { roles: [{ name: 'r', description: `for ${ann}`, rules: [] }] }, 'roles.0.description'],
    ['a label', rule({ who: { labels: { mail: ann } } }), 'rules.0.who.labels.mail'],
    ['the name of an attribute', rule({ when: { [`subject.${ann}`]: true } }), 'rules.0.when'],
    ['a comment in Cedar', { rules: [{ id: 'c', type: 'cedar', text: `// ask ${ann}` }] }, 'rules.0.text'],
    ['a key', rule({ description: `with ${generateKey('mas_')}` }), 'rules.0.description'],
    [
      'an obligation',
      rule({ obligation: { type: 'notify', properties: { users: [ann] } } }),
      'rules.0.obligation.properties.users.0',
    ],
  ])('refuses what nothing is compared with: %s', (_name, given, path) =>
    expect(keep(given).errors).toMatchObject([{ code: 'text_not_recordable', path }]),
  );
});
