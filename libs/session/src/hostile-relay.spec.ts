import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import type { ByteStream } from '@gatehouse/transport';
import { afterEach, describe, expect, it } from '@jest/globals';
import { openChannel } from './channel/open-channel.js';
import type { Granted, GrantRequest } from './client/granting.js';
import { turns } from './cut-link.fixture.js';
import type { GrantClaims } from './grant.js';
import { signGrant } from './grants.js';
import { Impostor } from './impostor.fixture.js';
import { frameTypes, type OpenMessage } from './messages.js';
import { claimsOf, type Way } from './relay.fixture.js';
import { headerOf, resumeTypes } from './resumable/resume-frames.js';
import { command, type Device, echo, execRequest, talk, World } from './session-world.fixture.js';

let world: World;
const impostors: Impostor[] = [];
afterEach(async () => {
  for (const { bytes } of impostors.splice(0)) bytes.reset({ code: 'cancelled' });
  await world.close();
});
const keep = (impostor: Impostor): Impostor => {
  impostors.push(impostor);
  return impostor;
};
const pretend = (device: Device) => keep(new Impostor(world.relay, device));

describe.each(['tls', 'quic'] as const)('over %s,', (kind) => {
  describe('a relay that reads', () => {
    it('sees lengths, grants and where they lead to, and nothing of what is said', async () => {
      world = await World.make(1, [kind]);
      const device = await world.device(echo().handlers);
      const seen: Buffer[] = [];
      world.relay.malice.touch = (_, chunk) => {
        seen.push(chunk);
        return chunk;
      };
      const secret = 'correct horse battery staple '.repeat(200);
      const { data } = await talk(await world.client(device).openSession(execRequest), Buffer.from(secret));
      expect(data.toString()).toBe(secret);
      const all = Buffer.concat(seen).toString('latin1');
      expect(all.length).toBeGreaterThan(2 * secret.length);
      for (const word of ['horse', 'cat', 'exec', 'stdin', 'device.exec']) expect(all.includes(word)).toBe(false);
    });
  });

  describe('a relay that alters', () => {
    const nothing: Buffer = Buffer.alloc(0);
    /** What it makes of the pieces that go through. `other`: of another session of the same two, sealed as well. */
    type Alter = (chunk: Buffer, other: Buffer) => Uint8Array | 'end';
    /** Makers: some of them remember. */
    const alters: Record<string, () => Alter> = {
      'a bit': () => (chunk) => {
        const at = chunk.byteLength >> 1;
        return chunk.fill((chunk[at] ?? 0) ^ 1, at, at + 1);
      },
      'by leaving out': () => (chunk) => chunk.subarray(0, chunk.byteLength - 40),
      'by doubling': () => (chunk) => Buffer.concat([chunk, chunk]),
      'by adding': () => (chunk) => Buffer.concat([chunk, Buffer.from([0, 17, ...randomBytes(17)])]),
      'by turning round': () => {
        let before = nothing;
        return (chunk) => {
          const swapped = Buffer.concat([chunk, before]);
          [before] = before.byteLength > 0 ? [nothing] : [chunk];
          return before === chunk ? nothing : swapped;
        };
      },
      'by withholding': () => () => nothing,
      'by ending it as if it were whole': () => () => 'end',
      'by what was said in another session': () => (_, other) => other,
    };
    it.each(Object.entries(alters))('%s breaks off what it carries, and nothing wrong arrives', async (_, maker) => {
      for (const way of ['up', 'down'] satisfies Way[]) {
        world = await World.make(1, [kind]);
        const { begun, handlers } = echo();
        const device = await world.device(handlers);
        const bytes = randomBytes(400_000);
        const heard: Buffer[] = [];
        world.relay.malice.touch = (to, chunk) => {
          if (to === way) heard.push(chunk);
          return chunk;
        };
        await talk(await world.client(device).openSession(execRequest), bytes);
        const other = Buffer.concat(heard).subarray(2_000, 4_000);
        const alter = maker();
        let altered = 0;
        let passed = 0;
        // Its handshake, then the middle of what comes after the next one; then it behaves.
        world.relay.malice.touch = (to, chunk, stream) => {
          if (to !== way || stream > 3) return chunk;
          if (stream === 3) {
            const before = passed;
            passed += chunk.byteLength;
            if (before < 2_000 || before > 200_000) return chunk;
          }
          altered++;
          return alter(chunk, other);
        };
        // Where bytes are missing both sides wait, until one asks.
        const client = world.client(device, { silenceMs: 100, timeoutMs: 500 });
        const { data, end, types } = await talk(await client.openSession(execRequest), bytes);
        expect([end, data.equals(bytes), types]).toEqual(['end', true, [frameTypes.accepted, frameTypes.exit]]);
        expect([altered > 1, world.relay.opened.length > 3, begun.length]).toEqual([true, true, 2]);
        if (way === 'up') await world.close();
      }
    });

    it.each<[string, Alter]>([
      ['withholds', () => nothing],
      ['says that this was all', () => 'end'],
    ])('and %s whenever something was said never makes a part look like the whole', async (_, alter) => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers, { limits: { graceMs: 500 } });
      let passed = 0;
      world.relay.malice.touch = (way, chunk) => {
        if (way === 'down') passed += chunk.byteLength;
        return passed > 20_000 ? alter(chunk, nothing) : chunk;
      };
      const client = world.client(device, { silenceMs: 100, timeoutMs: 200, graceMs: 500 });
      const { end, types } = await talk(await client.openSession(execRequest), randomBytes(400_000));
      expect([end, types.includes(frameTypes.exit)]).toEqual(['device_lost', false]);
      // Nor does the program over there run on.
      await waitFor(() => begun[0]?.ended.aborted);
    });

    it('for ever carries nothing', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      world.relay.malice.touch = (_, chunk) => chunk.fill(7);
      const client = world.client(device, { openTimeoutMs: 300, timeoutMs: 200 });
      await expect(client.openSession(execRequest)).rejects.toThrow();
      expect(begun.length).toBe(0);
    });
  });

  describe('a relay that replays', () => {
    /** All that a client sent over one stream. */
    async function recorded(device: Device): Promise<{ grant: string; sent: Buffer }> {
      const sent: Buffer[] = [];
      world.relay.malice.touch = (way, chunk) => {
        if (way === 'up') sent.push(chunk);
        return chunk;
      };
      await talk(await world.client(device).openSession(execRequest), Buffer.from('once'));
      return { grant: world.relay.opened[0]?.grant ?? '', sent: Buffer.concat(sent) };
    }

    it('a whole session does nothing: its key was used up with it', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const { grant, sent } = await recorded(device);
      const stream = world.relay.openTo(device.deviceId, grant) as ByteStream;
      const end = new Promise<string>((resolve) => {
        stream.onData = () => undefined;
        stream.onEnd = () => resolve('end');
        stream.onReset = ({ code }) => resolve(code);
      });
      stream.write(sent);
      // The stream is known to be over; had it not been, its records would not have opened.
      expect(['end', 'protocol']).toContain(await end);
      expect(begun.length).toBe(1);
    });

    it('a first message while its session runs takes nothing from it', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const sent: Buffer[] = [];
      world.relay.malice.touch = (way, chunk) => {
        if (way === 'up') sent.push(chunk);
        return chunk;
      };
      const stream = await world.client(device).openSession(execRequest);
      await waitFor(() => begun.length === 1);
      const everything = Buffer.concat(sent);
      const answers = await Promise.all(
        [everything, everything.subarray(0, 2 + everything.readUInt16BE())].map(
          (bytes) =>
            new Promise<string>((resolve) => {
              const replay = world.relay.openTo(device.deviceId, world.relay.opened[0]?.grant ?? '') as ByteStream;
              let isAnswered = false;
              replay.onData = () => {
                isAnswered = true;
                // The device answers the first message alone, and waits for a record that only the client can make.
                if (bytes.byteLength < everything.byteLength) resolve('answered');
              };
              replay.onReset = ({ code }) => resolve(isAnswered ? code : `unanswered ${code}`);
              replay.write(bytes);
            }),
        ),
      );
      // Over some carriers a reset is quicker than what was written before it.
      expect(answers).toEqual([expect.stringMatching(/protocol$/), 'answered']);
      const { data, end } = await talk(stream, Buffer.from('still mine'));
      expect([data.toString(), end, begun.length]).toEqual(['still mine', 'end', 1]);
    });
  });

  describe('a relay that leads astray', () => {
    it('to another device: that one cannot read what it gets, and the client knows', async () => {
      world = await World.make(1, [kind]);
      const meant = echo();
      const other = echo();
      const device = await world.device(meant.handlers);
      const wrong = await world.device(other.handlers);
      world.relay.malice.swap = () => wrong.deviceId;
      const client = world.client(device, { openTimeoutMs: 300 });
      await expect(client.openSession(execRequest)).rejects.toThrow();
      expect([meant.begun.length, other.begun.length]).toEqual([0, 0]);
    });

    it('with a grant for another device: this one refuses it', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const impostor = pretend(device);
      const { grant } = world.granted(device, impostor.request(), { aud: randomUUID() });
      expect(await impostor.try(grant)).toBe('bad_grant');
      expect(begun.length).toBe(0);
    });
  });

  describe('a relay that makes grants, or has some', () => {
    const over = (claims: Partial<GrantClaims>) => (device: Device, impostor: Impostor) =>
      world.granted(device, impostor.request(), claims);
    const now = Math.floor(Date.now() / 1_000);

    it.each<[string, (device: Device, impostor: Impostor) => Pick<Granted, 'grant'>, string]>([
      [
        'of its own key',
        (device, impostor) => ({
          grant: signGrant(world.claims(device, impostor.request()), generateKeyPairSync('ed25519')),
        }),
        'bad_grant',
      ],
      [
        'of somebody else’s session',
        (device) => world.granted(device, { ...execRequest, clientKey: Buffer.alloc(32, 1).toString('base64url') }),
        'bad_grant',
      ],
      ['that ran out, which it did not look at', over({ iat: now - 400, exp: now - 100 }), 'expired'],
      ['from tomorrow', over({ iat: now + 86_400, exp: now + 86_700 }), 'bad_grant'],
      ['for something else', over({ scope: { kind: 'shell' }, actions: ['device.shell'] }), 'not_granted'],
      ['without the action', over({ actions: ['device.logs'] }), 'not_granted'],
      ['for another command', over({ scope: { kind: 'exec', commandHash: '0'.repeat(64) } }), 'not_granted'],
      ['that needs somebody at the device', over({ approveOnDevice: true }), 'refused'],
    ])('%s opens nothing', async (_, grantFor, answer) => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const impostor = pretend(device);
      expect(await impostor.try(grantFor(device, impostor).grant)).toBe(answer);
      expect(begun.length).toBe(0);
    });

    it('does not get into a session that runs, with a key of its own', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const client = world.client(device);
      const session = await client.begin({ scope: execRequest.scope });
      const stream = await session.open(execRequest.open);
      await waitFor(() => begun.length === 1);
      // Even if the registry were made to sign the same session for another client.
      const impostor = pretend(device);
      const { sid } = claimsOf(session.granted.grant);
      const { grant } = world.granted(device, { ...impostor.request(), sid });
      expect(await impostor.try(grant)).toBe('bad_grant');
      expect((await talk(stream, Buffer.from('mine'))).data.toString()).toBe('mine');
    });

    it('does not go on with the stream of somebody else, whose number it knows', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const hers = pretend(device);
      const { grant } = world.granted(device, hers.request());
      expect(await hers.try(grant)).toBe(`frame ${frameTypes.accepted}`);
      // In her session with another key, and in a session of its own: there it gets a stream of its own.
      const { sid } = claimsOf(grant);
      const thief = keep(hers.other());
      expect(await thief.try(world.granted(device, { ...thief.request(), sid }).grant)).toBe('bad_grant');
      const his = keep(hers.other());
      const own = world.granted(device, his.request(), { subject: { type: 'user', id: 'u2' } });
      expect(await his.try(own.grant, execRequest.open, { received: 9 })).toBe('gone');
      expect(await keep(his.again()).try(own.grant)).toBe(`frame ${frameTypes.accepted}`);
      expect(begun.map(({ ended, grant: { subject } }) => [ended.aborted, subject.id])).toEqual([
        [false, 'u1'],
        [false, 'u2'],
      ]);
    });

    it('does not make a session wider by a renewal', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      for (const wider of [
        { actions: ['device.exec', 'device.shell'] },
        { subject: { type: 'user', id: 'u2' } },
        { scope: { kind: 'shell' } },
      ] as Partial<GrantClaims>[]) {
        const client = world.client(device);
        let request: GrantRequest | undefined;
        const own = world.client(device, {
          requestGrant: async (asked) => {
            request = asked;
            return world.granted(device, asked);
          },
        });
        const session = await own.begin({ scope: execRequest.scope });
        const stream = await session.open(execRequest.open);
        const { sid } = claimsOf(session.granted.grant);
        const { grant } = world.granted(device, { ...(request as GrantRequest), sid }, { ...wider, exp: now + 900 });
        stream.send(frameTypes.renew, Buffer.from(grant));
        expect(await new Promise((resolve) => (stream.onReset = resolve))).toMatchObject({ code: 'bad_grant' });
        await client.close();
      }
      await waitFor(() => begun.every(({ ended }) => ended.aborted));
      expect(begun.length).toBe(3);
    });
  });

  describe('a client that asks for more than its grant says', () => {
    it.each<[string, OpenMessage, string]>([
      ['another command', { kind: 'exec', command: ['rm'], stdin: false }, 'not_granted'],
      ['the same words for a shell', { kind: 'exec', command: command.join(' '), stdin: false }, 'not_granted'],
      ['a shell', { kind: 'shell', terminal: { term: 'x', rows: 1, columns: 1 } }, 'not_granted'],
      ['what is no message', { kind: 'nothing' } as unknown as OpenMessage, 'protocol'],
    ])('%s', async (_, open, answer) => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const impostor = pretend(device);
      expect(await impostor.try(world.granted(device, impostor.request()).grant, open)).toBe(answer);
      expect(begun.length).toBe(0);
      await waitFor(() => world.relay.told.length === 1);
      expect(world.relay.told[0]).toMatchObject({ event: { kind: 'refused', code: answer } });
    });

    it('a stream that the device never had, or had in another run, is gone', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      for (const offer of [{ received: 5 }, { run: randomUUID() }]) {
        const impostor = pretend(device);
        const { grant } = world.granted(device, impostor.request());
        expect(await impostor.try(grant, execRequest.open, offer)).toBe('gone');
      }
      expect(begun.length).toBe(0);
    });

    it('a stream that is over is told so, and not begun again', async () => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const device = await world.device(handlers);
      const impostor = pretend(device);
      const { grant } = world.granted(device, impostor.request());
      expect(await impostor.try(grant)).toBe(`frame ${frameTypes.accepted}`);
      impostor.bytes.reset({ code: 'cancelled' });
      await waitFor(() => begun[0]?.ended.aborted);
      expect(await keep(impostor.again()).try(grant)).toBe('cancelled');
      expect(begun.length).toBe(1);
    });
  });

  describe('handshakes', () => {
    /** A handshake of this client up to the device's answer; its first record is sent by hand. */
    const shake = (device: Device, impostor: Impostor, grant: string, stream: string) =>
      new Promise<{ sealed: ByteStream; way: ByteStream; end: Promise<string> }>((resolve, reject) => {
        const way = world.relay.openTo(device.deviceId, grant) as ByteStream;
        const channel = openChannel({
          static: impostor.keys,
          remoteStatic: Buffer.from(device.sessionKey, 'base64url'),
          offer: { v: 1, grant, stream, received: 0 },
          onAnswer: (_, sealed) =>
            resolve({ sealed, way, end: new Promise((ended) => (sealed.onReset = ({ code }) => ended(code))) }),
          onFailed: ({ code }) => reject(new Error(code)),
        });
        way.write(channel.first);
        channel.read(way);
      });
    /** The first record: an acknowledgement of nothing. */
    const nothingYet = headerOf(resumeTypes.ack, 0);

    it('that are confirmed late do not take the stream from a newer one', async () => {
      world = await World.make(1, [kind]);
      const device = await world.device(echo().handlers);
      const impostor = pretend(device);
      const { grant } = world.granted(device, impostor.request());
      const stream = randomUUID();
      const older = await shake(device, impostor, grant, stream);
      const newer = await shake(device, impostor, grant, stream);
      newer.sealed.write(nothingYet);
      await waitFor(() => device.server.counts.streams === 1);
      older.sealed.write(nothingYet);
      expect(await older.end).toBe('replaced');
      expect(await Promise.race([newer.end, turns(20)])).toBeUndefined();
      expect(device.server.counts.streams).toBe(1);
    });

    it('are bounded in number and in time, and nothing comes of those that are not confirmed', async () => {
      world = await World.make(1, [kind]);
      const device = await world.device(echo().handlers, { limits: { handshakes: 2, handshakeMs: 400 } });
      const impostor = pretend(device);
      const { grant } = world.granted(device, impostor.request());
      const waiting = await Promise.all([0, 1].map(() => shake(device, impostor, grant, randomUUID())));
      await expect(shake(device, impostor, grant, randomUUID())).rejects.toThrow('limit');
      expect(device.server.counts).toMatchObject({ sessions: 0, streams: 0 });
      expect(await Promise.all(waiting.map(({ end }) => end))).toEqual(['timeout', 'timeout']);
      // There is room again.
      const { sealed } = await shake(device, impostor, grant, randomUUID());
      sealed.write(nothingYet);
      await waitFor(() => device.server.counts.streams === 1);
    });
  });
});

describe('a relay that takes one carrier away', () => {
  it('gets nothing that is sealed less: there is one way to shake hands, and over TLS it is the same', async () => {
    world = await World.make(1, ['tls']);
    const { begun, handlers } = echo();
    const carriers = ['quic', 'tls'] as const;
    const device = await world.device(handlers, { carriers });
    const seen: Buffer[] = [];
    world.relay.malice.touch = (_, chunk) => {
      seen.push(chunk);
      return chunk;
    };
    const { data } = await talk(
      await world.client(device, { carriers }).openSession(execRequest),
      Buffer.from('quiet'),
    );
    expect([data.toString(), Buffer.concat(seen).includes('quiet')]).toEqual(['quiet', false]);
    const older = pretend(device);
    const { grant } = world.granted(device, older.request());
    expect(await older.try(grant, execRequest.open, { v: 0 as 1 })).toBe('protocol');
    expect(begun.length).toBe(1);
  });
});
