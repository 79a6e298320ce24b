import { describe, expect, it } from '@jest/globals';
import { slugOf } from './organization-slug.js';

describe('slugOf', () => {
  it.each([
    ['Müller & Söhne', 'muller-sohne'],
    ['  ACME  ', 'acme'],
    ['p-someone', 'p-someone'],
    ['日本', ''],
    [`${'a'.repeat(62)} b`, 'a'.repeat(62)],
  ])('%s becomes %s', (name, slug) => {
    expect(slugOf(name)).toBe(slug);
  });
});
