import { describe, expect, it } from '@jest/globals';
import { readErasedPeople } from './erased-people.js';

const [ann, bob] = ['0190a1b2-0000-7000-8000-000000000001', '0190a1b2-0000-7000-8000-000000000002'];

describe('a list of people who were erased', () => {
  it('is read from certificates, events and ledger entries, each person once', () => {
    const data = { userId: bob };
    const lines = [
      { userId: ann, certificate: {} },
      { data },
      { envelope: { data } },
      { event: { data } },
      { userId: ann },
    ];
    expect(readErasedPeople(`\n${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)).toEqual([ann, bob]);
    expect(readErasedPeople('')).toEqual([]);
  });

  it.each(['{"userId":"somebody"}', 'not json', '[]', 'null', '{"user":{}}'])('is refused with the line %s', (line) =>
    expect(() => readErasedPeople(`${JSON.stringify({ userId: ann })}\n${line}`)).toThrow('line 2'),
  );
});
