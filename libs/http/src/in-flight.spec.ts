import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FastifyReply } from 'fastify';
import { InFlight } from './in-flight.js';
import type { HttpRequest } from './request.js';

const open: InFlight[] = [];
afterEach(() => {
  for (const inFlight of open.splice(0)) inFlight.stop();
});

function requests(onTimeout: (request: HttpRequest) => void = () => undefined) {
  const inFlight = new InFlight(100, onTimeout);
  open.push(inFlight);
  return inFlight;
}
const arrived = () => ({ arrivedAtMs: performance.now(), raw: { socket: { destroyed: false } } }) as HttpRequest;
const reply = { raw: { destroyed: false } } as FastifyReply;

describe('requests in flight', () => {
  it('are counted right in whatever order they come and end, twice included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(19), { maxLength: 60 }), async (steps) => {
        const inFlight = requests();
        const all = Array.from({ length: 20 }, arrived);
        const there = new Set<HttpRequest>();
        for (const step of steps) {
          const request = all[step] as HttpRequest;
          if (there.delete(request)) {
            inFlight.delete(request);
            inFlight.delete(request);
          } else {
            there.add(request);
            inFlight.add(request, reply, 0);
          }
          expect(inFlight.count).toBe(there.size);
        }
        const drained = inFlight.drained(30_000);
        for (const request of there) inFlight.delete(request);
        expect(inFlight.count).toBe(0);
        expect(await drained).toBe(true);
      }),
    );
  });

  it('are timed out once each, those that ended before not at all', async () => {
    const timedOut: HttpRequest[] = [];
    const inFlight = requests((request) => timedOut.push(request));
    const all = Array.from({ length: 10 }, arrived);
    for (const request of all) inFlight.add(request, reply, 1);
    for (const i of [0, 9, 4]) inFlight.delete(all[i] as HttpRequest);
    expect(await inFlight.drained(30_000)).toBe(true);
    expect(new Set(timedOut)).toEqual(new Set(all.filter((_, i) => ![0, 9, 4].includes(i))));
    expect(timedOut).toHaveLength(7);
  });
});
