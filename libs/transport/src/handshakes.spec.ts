import { describe, expect, it } from '@jest/globals';
import type { StreamEnd } from './byte-stream.js';
import { Handshakes } from './handshakes.js';

const unavailable: StreamEnd = { code: 'unavailable' };

function lobby(most: number) {
  const [begun, refused, dropped]: [string[], string[], string[]] = [[], [], []];
  const handshakes = new Handshakes<string>({
    most,
    begin: (name) => {
      begun.push(name);
      return { heard: () => 0, drop: () => dropped.push(name) };
    },
    refuse: (name) => refused.push(name),
  });
  /** `4 from eve` are eve/0 to eve/3. */
  const arrive = (count: number, address: string) => {
    for (let i = 0; i < count; i++) handshakes.arrive(`${address}/${i}`, address, `${address}/${i}`);
  };
  return { handshakes, arrive, begun, refused, dropped };
}

describe('handshakes', () => {
  it('are as many at once as may be; addresses have their turns for the places that come free', () => {
    const { handshakes, arrive, begun } = lobby(2);
    arrive(5, 'eve');
    arrive(2, 'ann');
    expect(begun).toEqual(['eve/0', 'eve/1']);
    for (const name of ['eve/0', 'eve/1', 'eve/2', 'ann/0']) handshakes.done(name);
    expect(begun.slice(2)).toEqual(['eve/2', 'ann/0', 'eve/3', 'ann/1']);
    handshakes.close(unavailable);
  });

  it('of one address do not fill the line for others: the longest gives up its last', () => {
    const { handshakes, arrive, begun, refused } = lobby(1);
    arrive(100, 'eve');
    const waiting = 16;
    expect(refused).toHaveLength(100 - 1 - waiting);
    refused.length = 0;
    arrive(2, 'ann');
    expect(refused).toEqual(['eve/16', 'eve/15']);
    handshakes.done('eve/0');
    handshakes.done('eve/1');
    expect(begun).toEqual(['eve/0', 'eve/1', 'ann/0']);
    handshakes.close(unavailable);
  });

  it('of addresses that wait alike let nobody push out another', () => {
    const { handshakes, arrive, refused } = lobby(1);
    arrive(1, 'first');
    for (let i = 0; i < 16; i++) arrive(1, `address-${i}`);
    expect(refused).toEqual([]);
    arrive(1, 'late');
    expect(refused).toEqual(['late/0']);
    handshakes.close(unavailable);
  });

  it('that were given up while they waited take no place', () => {
    const { handshakes, arrive, begun, refused } = lobby(1);
    arrive(17, 'ann');
    for (let i = 1; i < 16; i++) handshakes.done(`ann/${i}`);
    arrive(15, 'bob');
    expect(refused).toEqual([]);
    handshakes.done('ann/0');
    expect(begun).toEqual(['ann/0', 'ann/16']);
    handshakes.close(unavailable);
  });

  it('end when nobody is let in any more: those at it, and those who wait', () => {
    const { handshakes, arrive, begun, refused, dropped } = lobby(1);
    arrive(3, 'ann');
    handshakes.close(unavailable);
    expect({ begun, refused, dropped }).toEqual({ begun: ['ann/0'], refused: ['ann/1', 'ann/2'], dropped: ['ann/0'] });
  });
});
