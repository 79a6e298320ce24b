import { randomUUID } from 'node:crypto';
import { MemoryCourse, waitFor } from '@gatehouse/testing';
import { describe, expect, it } from '@jest/globals';
import { turns } from './cut-link.fixture.js';
import { serveStream } from './device/served-stream.js';
import type { ServedSession } from './frame-stream.js';
import { frame, fuzzShare, mutated, openFrame, type Random, randomFrom, seed } from './fuzz.fixture.js';
import { grantClaims } from './grant.js';
import { memoryStreams } from './memory-streams.js';
import { frameTypes } from './messages.js';
import { headerOf, resetFrame, resumeTypes } from './resumable/resume-frames.js';
import { ResumableStream } from './resumable-stream.js';
import { execRequest } from './session-world.fixture.js';

const grant = grantClaims.parse({
  ...{ jti: randomUUID(), sid: randomUUID(), iss: 'gatehouse/registry', aud: 'd', tenantId: 'acme' },
  ...{ subject: { type: 'user', id: 'u1' }, scope: execRequest.scope, actions: ['device.exec'], decisions: ['x'] },
  ...{ cnf: { x25519: 'A'.repeat(43) }, iat: 0, exp: 300 },
});

/** What a device serves, without the channel: a handshake for each case would be most of the work. */
function served(live: Set<unknown>) {
  const [near, far] = memoryStreams();
  const resumable = new ResumableStream({ lost: 'client_lost', graceMs: 1 });
  const over = new AbortController();
  live.add(resumable);
  resumable.onOver = () => {
    live.delete(resumable);
    over.abort();
  };
  let heard = 0;
  const exec = ({ stream }: ServedSession<'exec'>): void => {
    stream.onFrame = (type, payload) => {
      heard += payload.byteLength;
      stream.send(type, payload);
    };
    stream.onEnd = () => stream.end();
    stream.sendJson(frameTypes.accepted, {});
  };
  serveStream({
    ...{ resumable, handlers: { exec }, source: undefined, ended: over.signal, approve: undefined },
    ...{ grant: () => grant, renew: () => true, report: () => undefined },
  });
  resumable.attach(far, { peerReceived: 0, told: 0 });
  near.onData = () => undefined;
  const say = (bytes: Buffer) =>
    near.write(Buffer.concat([headerOf(resumeTypes.data, resumable.received, bytes.byteLength), bytes]));
  return { near, resumable, say, heard: () => heard };
}

const inner: readonly ((random: Random) => Buffer)[] = [
  (random) => frame(frameTypes.data, Buffer.alloc(random(300), 120)),
  () => frame(frameTypes.eof, Buffer.alloc(0)),
  () => frame(frameTypes.resize, Buffer.from(JSON.stringify({ rows: 24, columns: 80 }))),
  () => frame(frameTypes.signal, Buffer.from(JSON.stringify({ signal: 'SIGINT' }))),
  () => frame(frameTypes.renew, Buffer.from('no.grant.')),
  () => openFrame,
];

const outer: readonly ((at: number) => Buffer)[] = [
  (at) => Buffer.concat([headerOf(resumeTypes.data, at, 6), frame(frameTypes.data, Buffer.from('x'))]),
  () => headerOf(resumeTypes.ack, 0),
  () => headerOf(resumeTypes.ping, 0),
  (at) => headerOf(resumeTypes.end, at),
  () => resetFrame({ code: 'cancelled', detail: 'by me' }),
];

describe(`frames that are changed, cut off, doubled and out of order (seed ${seed})`, () => {
  it('end their own stream at most; the one beside goes on, and nothing is kept', async () => {
    const random = randomFrom(seed + 4);
    const live = new Set<unknown>();
    const healthy = served(live);
    healthy.say(openFrame);
    const cases = fuzzShare(0.8);
    const memory = new MemoryCourse(cases);
    let lived = 0;
    let ended = 0;
    for (let count = 0, round = 0; count < cases; round++) {
      const { near, resumable, say } = served(live);
      let isOver = false;
      near.onEnd = near.onReset = () => {
        isOver = true;
      };
      say(random(8) === 0 ? mutated(openFrame, random) : openFrame);
      for (let step = 0; step < 50 && !isOver; step++, count++) {
        if (random(2)) say(mutated(inner[random(inner.length)]?.(random) ?? openFrame, random));
        else near.write(mutated(outer[random(outer.length)]?.(resumable.received) ?? openFrame, random));
        await turns(1);
        lived += Number(!isOver);
      }
      ended += Number(isOver);
      near.reset({ code: 'lost' });
      if (round % 100 === 0) {
        const before = healthy.heard();
        healthy.say(frame(frameTypes.data, Buffer.from('still there')));
        await waitFor(() => healthy.heard() > before, { intervalMs: 1 });
      }
      memory.reached(count);
    }
    await waitFor(() => live.size === 1);
    memory.expectFlat();
    expect([lived > 0, ended > 0]).toEqual([true, true]);
    expect(healthy.resumable.isOver).toBe(false);
    healthy.near.reset({ code: 'lost' });
    await waitFor(() => live.size === 0);
  });
});
