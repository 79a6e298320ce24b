import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CanonicalJsonError, canonicalJson, canonicalText, maxCanonicalDepth } from './canonical-json.js';

const double = (hexBits: string): number => Buffer.from(hexBits, 'hex').readDoubleBE();

function refusal(value: unknown): string {
  try {
    canonicalJson(value);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error.code;
    throw error;
  }
  return 'accepted';
}

function nest(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

function shuffled(value: unknown, order: (keys: string[]) => string[]): unknown {
  if (Array.isArray(value)) return value.map((v) => shuffled(v, order));
  if (typeof value !== 'object' || value === null) return value;
  const from = value as Record<string, unknown>;
  const into: Record<string, unknown> = Object.create(null);
  for (const key of order(Object.keys(from))) into[key] = shuffled(from[key], order);
  return into;
}

const wellFormedJson = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' });

describe('canonicalJson: vectors of RFC 8785', () => {
  it('writes the example of 3.2.2 as in 3.2.4', () => {
    const input = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    const bytes =
      '7b 22 6c 69 74 65 72 61 6c 73 22 3a 5b 6e 75 6c 6c 2c 74 72 75 65 2c 66 61 6c 73 65 5d 2c 22 6e 75 6d 62 65 72' +
      ' 73 22 3a 5b 33 33 33 33 33 33 33 33 33 2e 33 33 33 33 33 33 33 2c 31 65 2b 33 30 2c 34 2e 35 2c 30 2e 30 30 32' +
      ' 2c 31 65 2d 32 37 5d 2c 22 73 74 72 69 6e 67 22 3a 22 e2 82 ac 24 5c 75 30 30 30 66 5c 6e 41 27 42 5c 22 5c 5c' +
      ' 5c 5c 5c 22 2f 22 7d';
    expect(Buffer.from(canonicalJson(input)).toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  it('sorts the keys of 3.2.3 by UTF-16 code units', () => {
    const input = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    expect(Object.values(JSON.parse(canonicalJson(input)) as object)).toHaveLength(7);
    expect([...canonicalJson(input).matchAll(/:"([^"]+)"/g)].map((m) => m[1])).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the double %s of appendix B as %s', (bits, expected) => {
    expect(canonicalJson(double(bits))).toBe(expected);
  });

  it.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])('refuses the double %s', (bits) => {
    expect(refusal([double(bits)])).toBe('number');
  });
});

describe('canonicalJson: what it leaves out and what it refuses', () => {
  it('leaves out undefined properties, and writes what is empty', () => {
    expect(canonicalJson({ c: undefined, b: {}, a: [], z: undefined })).toBe('{"a":[],"b":{}}');
    expect(canonicalJson({ a: undefined })).toBe('{}');
  });

  it('sorts many keys like few', () => {
    const keys = Array.from({ length: 200 }, (_, i) => `k${(i * 77) % 200}`);
    const value = Object.fromEntries(keys.map((key) => [key, 1]));
    expect(Object.keys(JSON.parse(canonicalJson(value)) as object)).toEqual([...keys].sort());
  });

  it('writes an own property called __proto__', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1},"b":1}');
  });

  it.each([
    ['undefined', undefined],
    ['undefined in an array', [undefined]],
    ['a hole in an array', new Array(1)],
    ['a function', { f: () => 1 }],
    ['a symbol', [Symbol('s')]],
    ['a bigint', { n: 1n }],
    ['a date', { at: new Date(0) }],
    ['a map', new Map()],
    ['a buffer', Buffer.from('a')],
    ['a boxed string', Object('a')],
    ['an instance of a class', new (class Point {})()],
    ['an object with toJSON', { toJSON: () => 1 }],
  ])('refuses %s', (_name, value) => {
    expect(refusal(value)).toBe('type');
  });

  it.each([
    ['the first half', '\ud83d'],
    ['the second half', 'a\ude00b'],
    ['halves in the wrong order', '\ude00\ud83d'],
  ])('refuses text with %s of a pair, in values and in keys', (_name, value) => {
    expect(refusal(value)).toBe('lone_surrogate');
    expect(refusal({ [value]: 1 })).toBe('lone_surrogate');
  });

  it('refuses cycles and what is nested too deep', () => {
    const cycle: Record<string, unknown> = { a: [] };
    cycle.b = [cycle];
    expect(refusal(cycle)).toBe('depth');
    expect(refusal(nest(maxCanonicalDepth))).toBe('accepted');
    expect(refusal(nest(maxCanonicalDepth + 1))).toBe('depth');
  });

  it('names no value in the error', () => {
    expect(() => canonicalJson({ password: 'hunter2\ud800' })).toThrow(/^(?!.*hunter2)/);
  });
});

describe('canonicalJson: properties', () => {
  it('parses back to the same data', () => {
    fc.assert(
      fc.property(wellFormedJson, (value) => {
        const parsed: unknown = JSON.parse(canonicalJson(value));
        // Zero has one form (appendix B), so -0 comes back as 0.
        expect(parsed).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of keys, and is a fixed point', () => {
    fc.assert(
      fc.property(wellFormedJson, (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(shuffled(value, (keys) => keys.reverse()))).toBe(text);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  it('agrees with JSON.stringify wherever there is nothing to sort', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.double({ noNaN: true, noDefaultInfinity: true }))),
        (value) => {
          expect(canonicalJson(value)).toBe(JSON.stringify(value));
        },
      ),
    );
  });
});

describe('canonicalText', () => {
  it('is a text as it stands between its quotes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), (value) => {
        expect(`"${canonicalText(value)}"`).toBe(canonicalJson(value));
      }),
    );
    expect(() => canonicalText('a\ud800')).toThrow(CanonicalJsonError);
  });
});
