import { type Duplex, duplexPair } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { fuzzCases, fuzzSeed, MemoryCourse, SeededRandom, waitFor } from '@gatehouse/testing';
import { describe, expect, it } from '@jest/globals';
import type { Carrier, CarrierLimits } from '../carrier.js';
import { completeLimits } from '../limits.js';
import { echo, echoEverything } from '../pair.fixture.js';
import { lifeOf, settings } from './frames.fixture.js';
import { Mux } from './mux.js';

/** A carrier as over TLS, with nothing below: a handshake for each case would be most of the work. */
function muxOn(duplex: Duplex, dialled: boolean, limits: CarrierLimits, onReady: (mux: Mux) => void): void {
  const mux: Mux = new Mux({
    socket: Object.assign(duplex, { setNoDelay: () => duplex }) as unknown as TLSSocket,
    dialled,
    limits: completeLimits(limits),
    serverFingerprint: '',
    remoteAddress: 'memory',
    onReady: () => onReady(mux),
    onFailed: () => duplex.destroy(),
  });
}

/** On a machine that is busy with other things a turn may take long. */
const patient = { idleMs: 600_000 };

/** Two that are joined. */
async function healthyPair(): Promise<{ client: Carrier; server: Carrier }> {
  const [near, far] = duplexPair();
  let client: Carrier | undefined;
  let server: Carrier | undefined;
  muxOn(far, false, patient, (mux) => {
    server = mux;
    echoEverything(mux);
  });
  muxOn(near, true, patient, (mux) => {
    client = mux;
  });
  return waitFor(() => client && server && { client, server });
}

const turn = () => new Promise((next) => setImmediate(next));

describe(`frames that are changed, cut off, replayed and noise, without TLS below (seed ${fuzzSeed})`, () => {
  it('end their own connection at most; the one beside goes on, and nothing is kept', async () => {
    const random = new SeededRandom(fuzzSeed + 7);
    const { client, server } = await healthyPair();
    const cases = fuzzCases();
    const memory = new MemoryCourse(cases);
    const live = new Set<Carrier>();
    const ends = new Map<string, number>();
    for (let count = 0, round = 0; count < cases; round++) {
      const [peer, far] = duplexPair();
      peer.on('error', () => undefined);
      peer.resume();
      muxOn(far, false, { ...patient, streams: 64 }, (mux) => {
        live.add(mux);
        mux.onClose = ({ code }) => {
          live.delete(mux);
          ends.set(code, (ends.get(code) ?? 0) + 1);
        };
        echoEverything(mux);
      });
      peer.write(random.below(50) === 0 ? random.mutate(settings) : settings);
      const frames = lifeOf(random);
      for (let good = random.below(8); good > 0; good--) peer.write(frames.next().value);
      for (let step = 0; !far.destroyed && step < 100; step++) {
        const good = frames.next().value;
        const isChanged = random.below(3) > 0;
        peer.write(isChanged ? random.mutate(good) : good);
        if (!isChanged) continue;
        // One after the other: what comes behind a frame that ends the connection would not be read at all.
        await turn();
        count++;
      }
      // As after a peer that went away without a word.
      far.destroy();
      peer.destroy();
      if (round % 1_000 === 0) await echo(client, random.bytes(1 + random.below(3_000)));
      memory.reached(count);
    }
    await waitFor(() => live.size === 0);
    await echo(client, random.bytes(20_000));
    memory.expectFlat();
    expect(ends.get('protocol')).toBeGreaterThan(0);
    await Promise.all([client.close({ code: 'done' }), server.close({ code: 'done' })]);
  });
});
