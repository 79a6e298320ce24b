import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Parsed } from './model.js';
import { formatResource, formatScope, limits, parseActionName, parseResource, parseScope } from './parse.js';
import { parseRequest, requestParser } from './parse-request.js';

const pathsOf = (parsed: Parsed<unknown>): string[] => (parsed.ok ? [] : parsed.errors.map((error) => error.path));
const valid = {
  subject: { type: 'user', id: 'u_7' },
  action: { name: 'logs.read' },
  resource: { type: 'runtime', id: 'app-web' },
};

describe('parseResource', () => {
  it.each([
    ['project/app-web', { type: 'project', id: 'app-web' }],
    ['production', { type: 'scope', id: 'production' }],
    ['git-service', { type: 'scope', id: 'git-service' }],
    ['prod/DATABASE_URL', { type: 'prod', id: 'DATABASE_URL' }],
    ['secret/production/DATABASE_URL', { type: 'secret', id: 'production/DATABASE_URL' }],
    [
      { type: 'scope', id: 'production' },
      { type: 'scope', id: 'production' },
    ],
    [
      { type: 'Document', id: '../é 1', properties: {} },
      { type: 'Document', id: '../é 1' },
    ],
  ])('reads %p', (value, expected) => {
    expect(parseResource(value)).toEqual({ ok: true, value: expected });
  });

  it.each([
    [undefined, 'resource'],
    [null, 'resource'],
    [7, 'resource'],
    [[], 'resource'],
    ['', 'resource'],
    ['*', 'resource'],
    ['two words', 'resource'],
    ['-x', 'resource'],
    ['/app', 'resource.type'],
    ['project/', 'resource.id'],
    ['project/a\nb', 'resource.id'],
    ['project/\ud800', 'resource.id'],
    ['project/a\u2028b', 'resource.id'],
    [{ type: 'a/b', id: 'c' }, 'resource.type'],
    [{ type: 'project' }, 'resource.id'],
    [{ type: 'project', id: 7 }, 'resource.id'],
    [{ type: 'project', id: 'x'.repeat(limits.resourceId + 1) }, 'resource.id'],
    [{ type: 'x'.repeat(limits.resourceType + 1), id: 'a' }, 'resource.type'],
  ])('refuses %p at %s', (value, path) => {
    expect(pathsOf(parseResource(value))).toEqual([path]);
  });

  it('reads back what formatResource wrote', () => {
    const type = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 }).filter((t) => !t.includes('/'));
    fc.assert(
      fc.property(fc.record({ type, id: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 9 }) }), (resource) => {
        const parsed = parseResource(resource);
        if (parsed.ok) expect(parseResource(formatResource(resource))).toEqual(parsed);
      }),
    );
  });
});

describe('parseScope', () => {
  it('takes a star for the whole tenant', () => {
    expect(parseScope('*')).toEqual({ ok: true, value: '*' });
    expect(parseScope('production')).toEqual({ ok: true, value: { type: 'scope', id: 'production' } });
    expect([formatScope('*'), formatScope({ type: 'scope', id: 'production' })]).toEqual(['*', 'scope/production']);
    expect(pathsOf(parseScope(undefined))).toEqual(['scope']);
    expect(pathsOf(parseScope('**'))).toEqual(['scope']);
  });
});

describe('parseActionName', () => {
  it.each([
    'read',
    'deploy.production',
    'can_read_user',
    'a.b-c.d_e.f9',
    'Deploy',
    'GET /x',
    'a.b.c.d.e',
    '*',
    'lesen äöü',
  ])('takes %s', (name) => {
    expect(parseActionName(name)).toEqual({ ok: true, value: name });
  });

  it.each(['', 'a\n', '\ud800', 'a\u2028', `a${'b'.repeat(limits.action)}`, 7, null, undefined])(
    'refuses %p',
    (name) => {
      expect(pathsOf(parseActionName(name))).toEqual(['action.name']);
    },
  );
});

describe('parseRequest', () => {
  it('ignores members it does not know', () => {
    const full = { ...valid, extra: 1, subject: { ...valid.subject, extra: { a: 1 } } };
    expect(parseRequest(full)).toEqual({ ok: true, value: valid });
  });

  it('takes properties and context', () => {
    const full = {
      subject: { ...valid.subject, properties: { a: [1, null, { b: 'c' }] } },
      action: { ...valid.action, properties: { soft: true } },
      resource: { ...valid.resource, properties: {} },
      context: { ip: 'x' },
    };
    expect(parseRequest(full)).toEqual({ ok: true, value: full });
  });

  it.each([
    ['a list', [], 'must be an object'],
    ['null', null, 'must be an object'],
    ['text', 'x', 'must be an object'],
    ['half a surrogate pair', { a: '\ud800' }, 'must not hold half a surrogate pair'],
    ['half a surrogate pair in a name', { '\udc00': 1 }, 'must not hold half a surrogate pair'],
    ['what JSON does not know', { a: Number.POSITIVE_INFINITY }, 'must hold finite numbers'],
    ['what is too long', { a: 'x'.repeat(limits.attributes) }, 'is too long'],
    ['too many values', { a: Array.from({ length: limits.attributes }, () => 0) }, 'is too long'],
    [
      'what is too deep',
      JSON.parse(`{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
      'must be nested at most 16 deep',
    ],
  ])('refuses %s as attributes', (_, attributes, message) => {
    const parts = ['subject', 'action', 'resource'] as const;
    for (const part of parts) {
      const parsed = parseRequest({ ...valid, [part]: { ...valid[part], properties: attributes } });
      expect(parsed).toEqual({ ok: false, errors: [{ path: `${part}.properties`, message }] });
    }
    expect(parseRequest({ ...valid, context: attributes })).toEqual({
      ok: false,
      errors: [{ path: 'context', message }],
    });
  });

  it('tells every field error at once', () => {
    expect(pathsOf(parseRequest({ subject: { type: 7 }, action: {}, resource: 'a b' }))).toEqual([
      'subject.type',
      'subject.id',
      'action.name',
      'resource',
    ]);
    expect(pathsOf(parseRequest({}))).toEqual(['subject', 'action', 'resource']);
    expect(pathsOf(parseRequest({ ...valid, action: 'logs.read' }))).toEqual(['action']);
    expect(pathsOf(parseRequest({ ...valid, subject: { type: 'user', id: 'u\u0000' } }))).toEqual(['subject.id']);
  });

  it.each([null, undefined, 7, 'text', [], [valid]])('refuses %p', (value) => {
    expect(pathsOf(parseRequest(value))).toEqual(['']);
  });

  it('takes nothing from the prototype', () => {
    expect(parseRequest(Object.create(valid)).ok).toBe(false);
    expect(parseRequest(JSON.parse('{"__proto__":{"subject":{}}}')).ok).toBe(false);
  });

  it('answers any JSON, and what it accepts is within the limits', () => {
    const nearly = fc.record(
      {
        subject: fc.oneof(fc.constant(valid.subject), fc.jsonValue()),
        action: fc.oneof(fc.constant(valid.action), fc.jsonValue()),
        resource: fc.oneof(fc.constant(valid.resource), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), nearly), (value) => {
        const parsed = parseRequest(value);
        if (parsed.ok) expect(parsed.value.resource.id.length).toBeLessThanOrEqual(limits.resourceId);
        else expect(parsed.errors.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('requestParser', () => {
  const properties = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 });
  const pick = fc.nat({ max: 2 });
  const pool = fc.tuple(...Array.from({ length: 3 }, () => fc.oneof(properties, fc.constant('x'.repeat(3_000)))));

  it('reads parts that requests share as parseRequest reads each', () => {
    fc.assert(
      fc.property(pool, fc.array(fc.tuple(pick, pick, pick, pick), { maxLength: 6 }), (given, picks) => {
        const parts = given.map((of, i) => ({ ...valid.subject, name: `n${i}`, properties: { of } }));
        const parse = requestParser();
        for (const [subject, action, resource, context] of picks) {
          const request = {
            subject: parts[subject],
            action: parts[action],
            resource: parts[resource],
            context: parts[context],
          };
          expect(parse(request)).toEqual(parseRequest(request));
        }
      }),
    );
  });

  it('gives the same object for the same part, and none of what the limits refuse', () => {
    const subject = { ...valid.subject, properties: { a: 'x'.repeat(5_000) } };
    const parse = requestParser();
    const [first, second] = [parse({ ...valid, subject }), parse({ ...valid, subject })];
    expect(first.ok && second.ok && first.value.subject === second.value.subject).toBe(true);
    expect(pathsOf(parse({ ...valid, subject, context: { b: 'x'.repeat(5_000) } }))).toEqual(['context']);
  });
});
