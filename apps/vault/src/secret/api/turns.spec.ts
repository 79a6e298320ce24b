import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.js';

/** Requests whose work ends when it is told to. */
function requests() {
  const turns = new Turns();
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const ask = (name: string, count: number, tenantId = 'acme') =>
    turns.take(tenantId, count, async () => {
      begun.push(name);
      await new Promise<void>((resolve, reject) =>
        ends.set(name, (error) => (error === undefined ? resolve() : reject(error))),
      );
      return name;
    });
  return { ask, begun, end: (name: string, error?: Error) => ends.get(name)?.(error) };
}

/** Until whatever follows from what happened has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('requests for many secrets', () => {
  it('begin at once while 256 secrets of the tenant are not reached, then in the order they came', async () => {
    const { ask, begun, end } = requests();
    const broken = expect(ask('a', 64)).rejects.toThrow('broken');
    const asked = ['b', 'c', 'd', 'e'].map((name) => ask(name, 64));
    const small = ask('small', 1);
    await settled();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    end('b');
    await settled();
    // The small one came after the large one: it does not overtake, or the large one might wait for ever.
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
    end('a', new Error('broken'));
    await settled();
    expect(begun.at(-1)).toBe('small');
    for (const name of ['c', 'd', 'e', 'small']) end(name);
    await broken;
    expect(await Promise.all([...asked, small])).toEqual(['b', 'c', 'd', 'e', 'small']);
  });

  it('of one tenant do not wait for those of another', async () => {
    const { ask, begun, end } = requests();
    const full = ['1', '2', '3', '4', '5'].map((name) => ask(name, 64));
    const other = ask('other', 64, 'globex');
    await settled();
    expect(begun).toEqual(['1', '2', '3', '4', 'other']);
    for (const name of begun) end(name);
    await settled();
    end('5');
    expect(await Promise.all([...full, other])).toHaveLength(6);
  });

  it('are refused when 4,096 secrets wait, for the tenant alone that fills the line, until some are done', async () => {
    const { ask, begun, end } = requests();
    const names = Array.from({ length: 64 }, (_, i) => `r${i}`);
    const asked = names.map((name) => ask(name, 64));
    await expect(ask('more', 1)).rejects.toMatchObject({ code: 'unavailable', status: 503 });
    const other = ask('other', 64, 'globex');
    await settled();
    expect(begun).toContain('other');
    end('other');
    for (const name of names) {
      end(name);
      await settled();
    }
    await Promise.all([...asked, other]);
    const again = ask('again', 64);
    await settled();
    end('again');
    expect(await again).toBe('again');
  });
});
