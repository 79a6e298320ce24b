import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { comparable, safeParse } from './safe-parse.js';

const bent = () => JSON.parse('{"length": {"toString": 1}, "size": {"toString": 1, "valueOf": 1}}');

describe('safeParse', () => {
  it('says what the schema says', () => {
    const schema = z.object({ name: z.string().max(3) });
    expect(safeParse(schema, { name: 'ada' })).toEqual({ success: true, data: { name: 'ada' } });
    expect(safeParse(schema, { name: 'adam' }).error?.issues).toMatchObject([{ code: 'too_big', path: ['name'] }]);
  });

  it.each([
    ['at most', z.string().max(3)],
    ['at least', z.string().min(3)],
    ['exactly', z.string().length(3)],
    ['a list of at most', z.array(z.string()).max(3)],
    ['a set of at most', z.set(z.string()).max(3)],
    ['one of two', z.union([z.string().max(3), z.number()])],
  ])('refuses what bends the comparison of a length: %s', (_, schema) => {
    expect(() => schema.safeParse(bent())).toThrow(TypeError);
    for (const value of [bent(), { length: [bent()] }]) expect(safeParse(schema, value).success).toBe(false);
    const within = safeParse(z.object({ list: z.array(schema) }), { list: [bent()] });
    expect(within.error?.issues[0]).toMatchObject({ path: ['list', 0] });
  });

  it('changes nothing that can be seen of what it lets through', () => {
    const { data } = safeParse(z.union([z.string().max(3), z.record(z.string(), z.unknown())]), bent());
    expect(JSON.stringify(data)).toBe(JSON.stringify(bent()));
    expect(data).toEqual(bent());
    expect(structuredClone(data)).toEqual(bent());
  });

  it('walks the value only where zod threw', () => {
    const value = { length: {} };
    expect(safeParse(z.unknown(), value).data).toBe(value);
    expect(Object.getOwnPropertySymbols(value.length)).toEqual([]);
    expect(Object.getOwnPropertySymbols(comparable(value).length)).toEqual([Symbol.toPrimitive]);
  });

  it('ends where objects form a circle, and leaves frozen ones as they are', () => {
    const circle: Record<string, unknown> = {};
    circle.length = circle;
    expect(safeParse(z.string().max(3), circle).success).toBe(false);
    expect(safeParse(z.string().max(3), Object.freeze({ length: Object.freeze({}) })).success).toBe(false);
  });

  it('never throws for JSON', () => {
    const key = fc.constantFrom('length', 'size', 'toString', 'valueOf', 'toJSON', '__proto__', 'a');
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom(null, 1, '', 'text'),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.array(fc.tuple(key, tie('json')), { maxLength: 3 }).map((pairs) => Object.fromEntries(pairs)),
      ),
    }));
    const text = z.string().max(3);
    const schema = z.union([
      text,
      z.array(text).max(2),
      z.record(text, text),
      z.object({ a: text.optional(), size: z.array(text).min(1) }),
    ]);
    fc.assert(
      fc.property(json, (value) => {
        safeParse(schema, value);
      }),
    );
  });
});
