import { randomBytes } from 'node:crypto';
import { generateKey } from '@gatehouse/crypto';
import type { FieldError } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import { recordable } from '../decision/identifiers.js';
import { storableLabels, storableProperties } from './storable-values.js';

const pepper = randomBytes(32);
const token = `eyJ${'a'.repeat(20)}.eyJ${'b'.repeat(20)}.${'c'.repeat(43)}`;

function properties(given: Record<string, unknown>) {
  const errors: FieldError[] = [];
  const value = storableProperties(pepper, given, 'p', errors);
  return { value, paths: errors.map(({ path }) => path), said: JSON.stringify(errors) };
}
function labels(given: Record<string, string>) {
  const errors: FieldError[] = [];
  const value = storableLabels(pepper, given, 'l', errors);
  return { value, paths: errors.map(({ path }) => path), said: JSON.stringify(errors) };
}

describe('properties of an entity', () => {
  it('are recorded as they are', () => {
    const given = { a: 1, b: [true, null, 'text\nof two lines'], c: { d: -0.5, e: 'mas_short' }, f: '' };
    expect(properties(given)).toMatchObject({ value: given, paths: [] });
  });

  it('hold an address in the form an identifier has, so that the two compare', () => {
    const { value, paths } = properties({ manager: 'ann@example.org', all: ['bob@example.org'] });
    expect(paths).toEqual([]);
    const idOf = (id: string) => recordable(pepper, { type: 'user', id }).id;
    expect(value).toEqual({ manager: idOf('ann@example.org'), all: [idOf('bob@example.org')] });
    expect(JSON.stringify(value)).not.toMatch(/ann@|bob@/);
  });

  it.each([
    generateKey('mas_'),
    `Bearer ${generateKey('mau_')}`,
    token,
    'postgres://app:hunter2@db:5432/x',
    'write to ann@example.org',
    '-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----',
  ])('hold no key and no address in a text: %#', (text) => {
    const { paths, said } = properties({ ok: 1, deep: [{ note: text }] });
    expect(paths).toEqual(['p.deep.0.note']);
    expect(said).not.toContain(text.slice(-12));
  });

  it.each([
    ['NUL', { a: 'x\0' }, 'p.a'],
    ['half a surrogate pair', { a: '\ud800' }, 'p.a'],
    ['a number without end', { a: Number.POSITIVE_INFINITY }, 'p.a'],
    ['an empty name', { '': 1 }, 'p'],
    ['a long name', { ['n'.repeat(129)]: 1 }, 'p'],
    ['an address as name', { 'ann@example.org': 1 }, 'p'],
    ['a key as name', { [generateKey('mas_')]: 1 }, 'p'],
    ['a line break in a name', { 'a\nb': 1 }, 'p'],
  ])('are refused with %s', (_name, given, path) => expect(properties(given).paths).toEqual([path]));

  it('are not nested without end', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) });
    expect(properties(nested(8) as Record<string, unknown>).paths).toEqual([]);
    expect(properties(nested(9) as Record<string, unknown>).paths).toHaveLength(1);
    expect(properties(nested(5_000) as Record<string, unknown>).paths).toHaveLength(1);
  });
});

describe('labels of an entity', () => {
  it('are recorded as they are, an address in the form of an identifier', () => {
    const given = { tier: 'gold', 'app.example.org/name': 'Shop 1', empty: '' };
    expect(labels(given)).toMatchObject({ value: given, paths: [] });
    expect(labels({ contact: 'ann@example.org' }).value.contact).toMatch(/^p_/);
  });

  it.each([
    ['an odd key', { 'a b': 'x' }, 'l'],
    ['a long key', { ['k'.repeat(64)]: 'x' }, 'l'],
    ['a secret as key', { [generateKey('mas_')]: 'x' }, 'l'],
    ['a long value', { a: 'x'.repeat(129) }, 'l.a'],
    ['a control character', { a: 'x\ny' }, 'l.a'],
    ['a key as value', { a: generateKey('mas_') }, 'l.a'],
  ])('are refused with %s', (_name, given, path) => {
    const { paths, said } = labels(given);
    expect(paths).toEqual([path]);
    expect(said).not.toMatch(/ma[su]_/);
  });
});
