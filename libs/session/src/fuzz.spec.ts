import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { MemoryCourse, waitFor } from '@gatehouse/testing';
import type { ByteStream } from '@gatehouse/transport';
import { describe, expect, it } from '@jest/globals';
import type { ChannelOffer } from './channel/channel-offer.js';
import { openChannel } from './channel/open-channel.js';
import { turns } from './cut-link.fixture.js';
import { ServedSessions } from './device/served-sessions.js';
import { frameStream, type ServedSession } from './frame-stream.js';
import { frame, fuzzShare, mutated, openFrame, type Random, randomFrom, seed } from './fuzz.fixture.js';
import { grantKeyOf, grantKeyRing, signGrant } from './grants.js';
import { memoryStreams } from './memory-streams.js';
import { MessageStream } from './message-stream.js';
import { frameTypes } from './messages.js';
import { nodePrimitives } from './node-primitives.js';
import { headerOf, resumeTypes } from './resumable/resume-frames.js';
import { ResumableStream } from './resumable-stream.js';
import { execRequest } from './session-world.fixture.js';

function device() {
  const begun: ServedSession<'exec'>[] = [];
  const key = generateKeyPairSync('ed25519');
  const sessionKey = nodePrimitives.generateKeyPair();
  const sessions = new ServedSessions({
    deviceId: 'd',
    sessionKeys: () => [sessionKey],
    grantKeys: () => grantKeyRing([grantKeyOf(key.publicKey)]),
    handlers: {
      exec: (session) => {
        begun.push(session);
        session.stream.onFrame = (type, payload) => session.stream.send(type, payload);
        session.stream.sendJson(frameTypes.accepted, {});
      },
    },
    report: () => undefined,
    approve: undefined,
    limits: { graceMs: 1, handshakes: 4 },
  });
  const clientKey = nodePrimitives.generateKeyPair();
  const iat = Math.floor(Date.now() / 1_000);
  const grant = signGrant(
    {
      jti: randomUUID(),
      sid: randomUUID(),
      iss: 'gatehouse/registry',
      aud: 'd',
      tenantId: 'acme',
      subject: { type: 'user', id: 'u1' },
      scope: execRequest.scope,
      actions: ['device.exec'],
      decisions: ['x'],
      cnf: { x25519: Buffer.from(clientKey.public).toString('base64url') },
      iat,
      exp: iat + 3_600,
    },
    key,
  );
  const opening = (onAnswer: (stream: ByteStream | undefined) => void) =>
    openChannel({
      static: clientKey,
      remoteStatic: sessionKey.public,
      offer: { v: 1, grant, stream: randomUUID(), received: 0 } satisfies ChannelOffer,
      onAnswer: (_, stream) => onAnswer(stream),
      onFailed: () => onAnswer(undefined),
    });
  return { begun, sessions, opening };
}

/** What a client says within its channel, as the resumable stream has it. */
function words(random: Random): Buffer {
  const text = Buffer.concat([
    openFrame,
    frame(frameTypes.data, Buffer.alloc(random(500), 120)),
    frame(frameTypes.renew, Buffer.from('no.grant.')),
  ]);
  return Buffer.concat([
    headerOf(resumeTypes.ack, 0),
    headerOf(resumeTypes.data, 0, text.byteLength),
    text,
    headerOf(resumeTypes.ping, 0),
    headerOf(resumeTypes.end, text.byteLength),
  ]);
}

/** A session that must not notice: what it says comes back. */
async function healthy({ sessions, opening }: ReturnType<typeof device>): Promise<() => Promise<void>> {
  const [near, far] = memoryStreams();
  sessions.accept(far, undefined);
  const resumable = new ResumableStream({ lost: 'device_lost' });
  const frames = frameStream(resumable);
  let echoed = '';
  frames.onFrame = (type, payload) => {
    if (type === frameTypes.data) echoed = Buffer.from(payload).toString('utf8');
  };
  await new Promise<void>((resolve, reject) => {
    const channel = opening((stream) => {
      if (!stream) return reject(new Error('not opened'));
      resumable.attach(stream, { peerReceived: 0, told: 0 });
      resolve();
    });
    near.write(channel.first);
    channel.read(near);
  });
  frames.sendJson(frameTypes.open, execRequest.open);
  return async () => {
    const said = randomUUID();
    frames.send(frameTypes.data, Buffer.from(said));
    await waitFor(() => echoed === said, { intervalMs: 1 });
  };
}

describe(`bytes that nobody means (seed ${seed})`, () => {
  it('in place of a first message open nothing, and leave nothing behind', async () => {
    const random = randomFrom(seed);
    const target = device();
    const stillThere = await healthy(target);
    const cases = fuzzShare(0.03);
    const ends = new Set<string>();
    const memory = new MemoryCourse(cases);
    for (let i = 0; i < cases; i++) {
      const [near, far] = memoryStreams();
      near.onReset = ({ code }) => ends.add(code);
      target.sessions.accept(far, undefined);
      near.onData = () => undefined;
      near.write(mutated(target.opening(() => undefined).first, random));
      near.end();
      if (i % 100 === 0) await stillThere();
      await turns(1);
      memory.reached(i);
    }
    await stillThere();
    await turns(3);
    memory.expectFlat();
    // Each was read: none was turned away because the one before was still there.
    expect(ends.has('limit')).toBe(false);
    expect(target.begun.length).toBe(1);
    expect(target.sessions.counts).toEqual({ sessions: 1, streams: 1, handshakes: 0 });
    target.sessions.close('stopping');
  });

  it('in place of an answer are nobody’s answer', async () => {
    const random = randomFrom(seed + 1);
    const target = device();
    const cases = fuzzShare(0.02);
    const memory = new MemoryCourse(cases);
    let answered = 0;
    let changed = 0;
    for (let i = 0; i < cases; i++) {
      const [near, far] = memoryStreams();
      const [toDevice, atDevice] = memoryStreams();
      target.sessions.accept(atDevice, undefined);
      const channel = target.opening((stream) => {
        if (stream) answered++;
      });
      toDevice.onData = (chunk) => {
        const bytes = mutated(Buffer.from(chunk), random);
        if (!bytes.equals(chunk)) {
          changed++;
          far.write(bytes);
        }
        far.end();
        toDevice.reset({ code: 'cancelled' });
      };
      channel.read(near);
      toDevice.write(channel.first);
      await turns(1);
      memory.reached(i);
    }
    await turns(3);
    memory.expectFlat();
    // A changed length may leave the message whole, with something behind it.
    expect(answered).toBeLessThan(cases / 4);
    expect(changed).toBeGreaterThan(cases / 2);
    expect(target.sessions.counts).toEqual({ sessions: 0, streams: 0, handshakes: 0 });
  });

  it('of a client that was let in end its own stream at most', async () => {
    const random = randomFrom(seed + 2);
    const target = device();
    const stillThere = await healthy(target);
    const cases = fuzzShare(0.05);
    const memory = new MemoryCourse(cases);
    for (let i = 0; i < cases; i++) {
      const [near, far] = memoryStreams();
      target.sessions.accept(far, undefined);
      const channel = target.opening((stream) => {
        if (!stream) return;
        stream.onData = () => undefined;
        stream.write(mutated(words(random), random));
        setImmediate(() => stream.reset({ code: 'lost' }));
      });
      near.write(channel.first);
      channel.read(near);
      await turns(2);
      if (i % 100 === 0) await stillThere();
      memory.reached(i);
    }
    await stillThere();
    // Those that broke off wait a millisecond for their clients.
    for (let i = 0; target.sessions.counts.streams > 1 && i < 10_000; i++) await turns(1);
    expect(target.sessions.counts).toEqual({ sessions: 1, streams: 1, handshakes: 0 });
    memory.expectFlat();
    const [first, ...others] = target.begun;
    expect([first?.ended.aborted, others.length > 0, others.every(({ ended }) => ended.aborted)]).toEqual([
      false,
      true,
      true,
    ]);
    target.sessions.close('stopping');
  });

  it('on a control stream end it', async () => {
    const random = randomFrom(seed + 3);
    const cases = fuzzShare(0.1);
    const memory = new MemoryCourse(cases);
    const message = Buffer.from(JSON.stringify({ type: 'end_session', sid: randomUUID(), code: 'revoked' }));
    const header = Buffer.alloc(4);
    header.writeUInt32BE(message.byteLength);
    const ends = new Map<string, number>();
    for (let i = 0; i < cases; i++) {
      const [near, far] = memoryStreams();
      const over = new Promise<string>((resolve) => {
        const messages = new MessageStream(far);
        messages.onEnd = () => resolve('ended');
        messages.onReset = ({ code }) => resolve(code);
      });
      near.onData = () => undefined;
      near.write(mutated(Buffer.concat([header, message]), random));
      near.end();
      const end = await over;
      ends.set(end, (ends.get(end) ?? 0) + 1);
      memory.reached(i);
    }
    memory.expectFlat();
    // Some texts are messages still.
    expect([...ends.keys()].sort()).toEqual(['ended', 'protocol']);
  });
});
