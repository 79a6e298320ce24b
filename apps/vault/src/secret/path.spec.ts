import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isReferenceable, parseReference, pathFault, referenceOf, splitPath } from './path.js';

describe('a path', () => {
  it.each(['a', 'production/DATABASE_URL', 'a b/ü.x', '...', 'x'.repeat(512), 'Ä'.repeat(256)])('may be %s', (path) =>
    expect(pathFault(path)).toBeUndefined(),
  );

  it.each([
    ['', 'empty'],
    ['/a', 'empty segment'],
    ['a/', 'empty segment'],
    ['a//b', 'empty segment'],
    ['a/../b', 'dots'],
    ['.', 'dots'],
    ['a\0', 'control'],
    ['a\n', 'control'],
    ['a\u0085', 'control'],
    ['\ud800', 'control'],
    ['caf\u0065\u0301/x', 'normal form'],
    ['\u212b', 'normal form'],
    ['prod\u200buction/x', 'cannot be seen'],
    ['\u202eterces', 'cannot be seen'],
    ['\ufeffproduction/x', 'cannot be seen'],
    ['x'.repeat(513), 'bytes'],
    ['Ä'.repeat(257), 'bytes'],
    [`${'x/'.repeat(64)}x`, 'segments'],
  ])('may not be %j', (path, fault) => expect(pathFault(path)).toContain(fault));

  it('has a scope before its last slash, and a name', () => {
    expect(splitPath('a/b/C')).toEqual({ scope: 'a/b', name: 'C' });
    expect(splitPath('C')).toEqual({ scope: '', name: 'C' });
  });
});

describe('a reference', () => {
  it.each([
    ['production/DATABASE_URL', 'secret://acme/production/database_url'],
    ['billing/prod/Key', 'secret://acme/billing/prod/key'],
    ['KEY', 'secret://acme/-/key'],
    ['a/b-c', null],
    ['a/', null],
  ])('to %s is %s', (path, reference) => expect(referenceOf('acme', path)).toBe(reference));

  it('leads back to scope and name', () => {
    const segment = fc
      .stringMatching(/^[A-Za-z0-9_.-]{1,12}$/)
      .filter((text) => !/^\.{1,2}$/.test(text) && text !== '-');
    const name = fc.stringMatching(/^[A-Za-z0-9_]{1,20}$/);
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 4 }), name, (scope, last) => {
        const path = [...scope, last].join('/');
        expect(isReferenceable(path)).toBe(true);
        expect(parseReference(referenceOf('acme', path) ?? '')).toEqual({
          tenantId: 'acme',
          scope: scope.join('/'),
          name: last.toLowerCase(),
        });
      }),
    );
  });

  it.each([
    'secret://acme/x',
    'secret://acme/a/B',
    'https://acme/a/b',
    'secret://acme//b',
    'secret://acme/a/b-c',
    'x secret://acme/a/b',
  ])('is not %s', (text) => expect(parseReference(text)).toBeUndefined());
});

describe('a key or a token', () => {
  it.each([
    `mas_${'a'.repeat(54)}`,
    `production/mau_${'-'.repeat(54)}/x`,
    `m87_${'a'.repeat(8)}.${'b'.repeat(40)}`,
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.',
  ])('%s does not become a name', (path) => expect(pathFault(path)).toBe('holds a key or a token'));

  it('is not what only begins like one', () => expect(pathFault('production/mas_key')).toBeUndefined());
});
