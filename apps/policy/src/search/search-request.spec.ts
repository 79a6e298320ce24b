import { describe, expect, it } from '@jest/globals';
import { parseSearch, type SearchKind } from './search-request.js';

const subject = { type: 'user', id: 'u_7' };
const action = { name: 'logs.read' };
const resource = { type: 'runtime', id: 'app-web' };

const parsed = (kind: SearchKind, body: unknown) => {
  const result = parseSearch(kind, body);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.value;
};
const paths = (kind: SearchKind, body: unknown) => {
  const result = parseSearch(kind, body);
  return result.ok ? [] : result.errors.map(({ path }) => path);
};

describe('a search', () => {
  it('leaves the searched id out, given or not', () => {
    const without = parsed('subject', { subject: { type: 'user' }, action, resource });
    expect(parsed('subject', { subject, action, resource })).toEqual(without);
    expect(without.request.subject.type).toBe('user');
    const bare = parsed('resource', { subject, action, resource: { type: 'runtime' } });
    expect(parsed('resource', { subject, action, resource })).toEqual(bare);
    // An id that could not even be parsed is ignored too.
    expect(parsed('resource', { subject, action, resource: { type: 'runtime', id: 7 } })).toEqual(bare);
  });

  it('ignores an action where actions are searched, and unknown members', () => {
    const bare = parsed('action', { subject, resource });
    expect(parsed('action', { subject, resource, action: 7, more: { nested: true } })).toEqual(bare);
  });

  it.each<[SearchKind, object, string]>([
    ['subject', { subject: { type: 'user' }, resource }, 'action'],
    ['subject', { subject: { type: 'user' }, action, resource: { type: 'runtime' } }, 'resource.id'],
    ['subject', { subject: {}, action, resource }, 'subject.type'],
    ['subject', { action, resource }, 'subject'],
    ['subject', { subject: 'user', action, resource }, 'subject'],
    ['resource', { action, resource: { type: 'runtime' } }, 'subject'],
    ['resource', { subject: { type: 'user' }, action, resource: { type: 'runtime' } }, 'subject.id'],
    ['resource', { subject, action }, 'resource'],
    ['resource', { subject, action, resource: 'runtime' }, 'resource'],
    ['resource', { subject, action, resource: 'runtime/app' }, 'resource'],
    ['action', { subject }, 'resource'],
    ['action', { subject, resource: { type: 'runtime' } }, 'resource.id'],
  ])('for a %s without what it needs says where: %j', (kind, body, path) => {
    expect(paths(kind, body)).toContain(path);
  });

  it.each([null, [], 'text', 7, undefined])('is an object, not %j', (body) => {
    expect(paths('subject', body)).toEqual(['']);
  });
});

describe('its page', () => {
  const page = (value: unknown) => parsed('action', { subject, resource, page: value }).page;

  it('is taken as it is, and never larger than allowed', () => {
    expect(page({ limit: 7, token: 't', properties: { sort: 'up' } })).toEqual({ limit: 7, token: 't' });
    expect(page({ limit: 0 })).toEqual({ limit: 0 });
    expect(page({ limit: 1_000_000 })).toEqual({ limit: 1_000 });
    for (const absent of [undefined, null, {}, { token: '' }, { token: null, limit: null }])
      expect(page(absent)).toEqual({});
  });

  it.each([
    [{ limit: -1 }, 'page.limit'],
    [{ limit: 1.5 }, 'page.limit'],
    [{ limit: '10' }, 'page.limit'],
    [{ token: 7 }, 'page.token'],
    [{ token: 'x'.repeat(2_049) }, 'page.token'],
    [[], 'page'],
    ['next', 'page'],
  ])('is refused as %j', (value, path) => {
    expect(paths('action', { subject, resource, page: value })).toEqual([path]);
  });
});
