import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { makePageToken, openPageToken, tokenLifetimeMs } from './page-token.js';
import type { Search } from './search-request.js';

const pepper = Buffer.alloc(32, 7);
const search: Search = {
  kind: 'subject',
  request: {
    subject: { type: 'user', id: 'any' },
    action: { name: 'read' },
    resource: { type: 'record', id: 'record-1', properties: { status: 'active' } },
    context: { ip: '10.0.0.1' },
  },
  page: {},
};
const place = { facts: '12.7', nowMs: 500, startedMs: 1_000, after: 'u_7', limit: 20, total: 70, live: 'p.1.d' };
const token = makePageToken(pepper, 'acme', search, place);
const open = (other: Partial<{ pepper: Buffer; tenant: string; search: Search; token: string; nowMs: number }> = {}) =>
  openPageToken(
    other.pepper ?? pepper,
    other.tenant ?? 'acme',
    other.search ?? search,
    other.token ?? token,
    other.nowMs ?? 2_000,
  );

describe('a page token', () => {
  it('leads on from where it was made, whatever the page says', () => {
    expect(open()).toEqual(place);
    expect(open({ search: { ...search, page: { token, limit: 5 } } })).toEqual(place);
  });

  const { request } = search;
  it.each<[string, Parameters<typeof open>[0]]>([
    ['another tenant', { tenant: 'other' }],
    ['another pepper', { pepper: Buffer.alloc(32, 8) }],
    ['another kind', { search: { ...search, kind: 'resource' } }],
    ['another action', { search: { ...search, request: { ...request, action: { name: 'write' } } } }],
    ['another resource', { search: { ...search, request: { ...request, resource: { type: 'record', id: 'r-2' } } } }],
    [
      'other properties',
      { search: { ...search, request: { ...request, resource: { ...request.resource, properties: {} } } } },
    ],
    ['another context', { search: { ...search, request: { ...request, context: { ip: '10.0.0.2' } } } }],
    ['an hour later', { nowMs: 1_000 + tokenLifetimeMs }],
    ['no dot', { token: token.replace('.', '') }],
    ['nothing before the dot', { token: token.slice(token.indexOf('.')) }],
    ['half', { token: token.slice(0, -1) }],
  ])('opens nothing for %s', (_name, other) => expect(open(other)).toBeUndefined());

  it('opens nothing for any other text', () => {
    const changed = fc.tuple(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 1 }));
    fc.assert(
      fc.property(changed, ([at, char]) => {
        fc.pre(token[at] !== char);
        expect(open({ token: token.slice(0, at) + char + token.slice(at + 1) })).toBeUndefined();
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => expect(open({ token: text })).toBeUndefined()));
  });
});
