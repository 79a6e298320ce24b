import { createHash, randomBytes } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { StreamEnd } from './byte-stream.js';
import type { CarrierKind } from './carrier.js';
import { connect } from './connect.js';
import {
  type Credentials,
  connectPair,
  echoEverything,
  newCredentials,
  type Pair,
  type PairOptions,
  pour,
  Reader,
  streamsOf,
} from './pair.fixture.js';
import { fingerprintOf } from './trust.js';

const mebibyte = 1 << 20;

/** What every carrier promises. */
export function carrierContract(kind: CarrierKind): void {
  let credentials: Credentials;
  const open: Pair[] = [];
  const newPair = async (options: Partial<PairOptions> = {}) => {
    const pair = await connectPair({ credentials, carriers: [kind], ...options });
    open.push(pair);
    return pair;
  };

  beforeAll(async () => {
    credentials = await newCredentials();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((pair) => pair.close()));
  });

  describe('streams', () => {
    it('echo', async () => {
      const { client, server } = await newPair();
      echoEverything(server);
      const reader = new Reader(client.open());
      reader.stream.write(Buffer.from('hello, '));
      reader.stream.write(Buffer.from('relay'));
      reader.stream.end();
      await reader.whenEnded();
      expect(reader.text).toBe('hello, relay');
    });

    it('come to the peer in the order in which they were opened, before anything was written', async () => {
      const { client, server } = await newPair();
      const streams = streamsOf(server);
      const [first, second] = [client.open(), client.open()];
      const [heardFirst, heardSecond] = (await waitFor(() => streams[1] && streams)).map(
        (stream) => new Reader(stream),
      );
      second.write(Buffer.from('second'));
      second.end();
      first.write(Buffer.from('first'));
      first.end();
      await Promise.all([heardFirst?.whenEnded(), heardSecond?.whenEnded()]);
      expect([heardFirst?.text, heardSecond?.text]).toEqual(['first', 'second']);
    });

    it('are opened by the server, too', async () => {
      const { client, server } = await newPair();
      echoEverything(client);
      const reader = new Reader(server.open());
      reader.stream.write(Buffer.from('down'));
      reader.stream.end();
      await reader.whenEnded();
      expect(reader.text).toBe('down');
    });

    it('go on in one direction when the other has ended', async () => {
      const { client, server } = await newPair();
      const streams = streamsOf(server);
      const request = new Reader(client.open());
      request.stream.write(Buffer.from('question'));
      request.stream.end();
      const answering = new Reader(await waitFor(() => streams[0]));
      await answering.whenEnded();
      answering.stream.write(Buffer.alloc(3 * mebibyte, 7));
      await waitFor(() => request.bytes === 3 * mebibyte);
      expect(request.ended).toBe(false);
      answering.stream.end();
      await request.whenEnded();
    });

    it('are reset in both directions, with the code', async () => {
      const { client, server } = await newPair();
      const streams = streamsOf(server);
      const mine = new Reader(client.open());
      mine.stream.write(Buffer.from('x'));
      const theirs = new Reader(await waitFor(() => streams[0]));
      theirs.stream.reset({ code: 'revoked', detail: 'by policy' });
      expect((await mine.whenReset()).code).toBe('revoked');
      expect(theirs.reset).toBeUndefined();
      await waitFor(() => client.stats().streams === 0 && server.stats().streams === 0);
    });

    it('are reset even when the direction towards us had ended, and nothing is being written', async () => {
      const { client, server } = await newPair();
      const streams = streamsOf(server);
      const mine = new Reader(client.open());
      mine.stream.end();
      const theirs = new Reader(await waitFor(() => streams[0]));
      await theirs.whenEnded();
      mine.stream.reset({ code: 'cancelled' });
      expect((await theirs.whenReset()).code).toBe('cancelled');
      await waitFor(() => client.stats().streams === 0 && server.stats().streams === 0);
    });

    it('that are over are forgotten, and say nothing', async () => {
      const { client, server } = await newPair();
      echoEverything(server);
      const reader = new Reader(client.open());
      reader.stream.end();
      await reader.whenEnded();
      expect(reader.stream.write(Buffer.from('late'))).toBe(true);
      reader.stream.end();
      reader.stream.reset({ code: 'cancelled' });
      await waitFor(() => client.stats().streams === 0 && server.stats().streams === 0);
      expect(reader.reset).toBeUndefined();
    });

    it('carry a large transfer, byte for byte, both ways at once', async () => {
      const { client, server } = await newPair();
      echoEverything(server);
      const piece = randomBytes(77_773);
      const expected = createHash('sha256');
      const total = 24 * mebibyte;
      for (let left = total; left > 0; left -= piece.length)
        expected.update(piece.subarray(0, Math.min(left, piece.length)));
      const reader = new Reader(client.open());
      pour(reader.stream, total, piece);
      await reader.whenEnded();
      const seen = createHash('sha256');
      for (const chunk of reader.chunks) seen.update(chunk);
      expect(reader.bytes).toBe(total);
      expect(seen.digest('hex')).toBe(expected.digest('hex'));
    });

    it('a thousand of them', async () => {
      const { client, server } = await newPair();
      echoEverything(server);
      const readers = Array.from({ length: 1_000 }, () => new Reader(client.open()));
      readers.forEach((reader, index) => {
        reader.stream.write(Buffer.from(`stream ${index} `.repeat(200)));
        reader.stream.end();
      });
      await Promise.all(readers.map((reader) => reader.whenEnded()));
      readers.forEach((reader, index) => {
        expect(reader.text).toBe(`stream ${index} `.repeat(200));
      });
      await waitFor(() => client.stats().streams === 0 && server.stats().streams === 0);
    });

    it('a reader that stops slows its writer, and nobody else', async () => {
      const streamWindow = 256 << 10;
      const { client, server } = await newPair({ server: { streamWindow } });
      const streams = streamsOf(server);
      const slow = client.open();
      let taken = 0;
      for (let room = true; room; taken += 10_000) room = slow.write(Buffer.alloc(10_000, 1));
      const theirs = await waitFor(() => streams[0]);
      theirs.pause();
      const reader = new Reader(theirs);
      // What is written goes until window and queue are full, and then no further.
      slow.onDrain = () => {
        for (let room = true; room; taken += 10_000) room = slow.write(Buffer.alloc(10_000, 1));
      };
      const quick = client.open();
      pour(quick, 8 * mebibyte);
      const other = new Reader(await waitFor(() => streams[1]), false);
      await other.whenEnded();
      expect(reader.bytes).toBe(0);
      expect(taken).toBeLessThan(streamWindow + 4 * 65_536 + 20_000);
      slow.onDrain = () => {};
      theirs.resume();
      await waitFor(() => reader.bytes === taken);
      expect(reader.bytes).toBe(taken);
    });

    it('nothing is read until somebody asks for it', async () => {
      const { client, server } = await newPair();
      const streams = streamsOf(server);
      const mine = client.open();
      mine.write(Buffer.from('early'));
      mine.end();
      const theirs = await waitFor(() => streams[0]);
      await new Promise((later) => setImmediate(later));
      const reader = new Reader(theirs);
      await reader.whenEnded();
      expect(reader.text).toBe('early');
    });

    it('call nobody from within a call', async () => {
      const { client, server } = await newPair();
      let depth = 0;
      let worst = 0;
      const guard =
        <T extends unknown[]>(call: (...args: T) => void) =>
        (...args: T) => {
          worst = Math.max(worst, ++depth);
          call(...args);
          depth--;
        };
      server.onStream = guard((stream) => {
        stream.onEnd = guard(() => stream.end());
        stream.onDrain = guard(() => stream.resume());
        stream.onData = guard((chunk) => {
          if (!stream.write(chunk)) stream.pause();
          stream.pause();
          stream.resume();
        });
      });
      const stream = client.open();
      let ended = false;
      let bytes = 0;
      stream.onEnd = guard(() => {
        ended = true;
      });
      stream.onData = guard((chunk) => {
        bytes += chunk.length;
        stream.pause();
        stream.resume();
      });
      let left = 200;
      const more = () => {
        while (left-- > 0 && stream.write(Buffer.alloc(20_000))) {}
        if (left <= 0) stream.end();
      };
      stream.onDrain = guard(more);
      guard(more)();
      await waitFor(() => ended);
      expect(bytes).toBe(200 * 20_000);
      expect(worst).toBe(1);
    });
  });

  describe('the connection', () => {
    it('is known by the same fingerprint on both sides', async () => {
      const { client, server } = await newPair();
      const leaf = Buffer.from(credentials.certificate.split('-----')[2] ?? '', 'base64');
      expect(client.serverFingerprint).toBe(fingerprintOf(leaf));
      expect(server.serverFingerprint).toBe(client.serverFingerprint);
      expect([client.kind, server.kind]).toEqual([kind, kind]);
    });

    it('tells the peer why it closes, and its streams before', async () => {
      const { client, server } = await newPair();
      const streams = streamsOf(server);
      client.open().write(Buffer.from('x'));
      const seen: string[] = [];
      const theirs = await waitFor(() => streams[0]);
      theirs.onReset = (end) => seen.push(`stream ${end.code}`);
      let reason: StreamEnd | undefined;
      server.onClose = (end) => {
        seen.push(`carrier ${end.code}`);
        reason = end;
      };
      await client.close({ code: 'replaced', detail: 'by a newer one' });
      await waitFor(() => seen.length === 2);
      expect(seen).toEqual(['stream replaced', 'carrier replaced']);
      expect(reason).toEqual({ code: 'replaced', detail: 'by a newer one' });
      expect(() => server.open()).toThrow('closed');
    });

    it('tells its own streams and owner when it is closed, once, and not from within the call', async () => {
      const { client } = await newPair();
      const seen: string[] = [];
      const stream = client.open();
      stream.onReset = (end) => seen.push(`stream ${end.code}`);
      client.onClose = (end) => seen.push(`carrier ${end.code}`);
      const closing = client.close({ code: 'done' });
      expect(seen).toEqual([]);
      await closing;
      await client.close({ code: 'again' });
      expect(seen).toEqual(['stream done', 'carrier done']);
    });

    it('takes no more streams than it said', async () => {
      const { client, server } = await newPair({ server: { streams: 3 } });
      const streams = streamsOf(server);
      const mine = [client.open(), client.open(), client.open()].map((stream) => new Reader(stream));
      expect(() => client.open()).toThrow('limit');
      await waitFor(() => streams.length === 3);
      mine[0]?.stream.reset({ code: 'cancelled' });
      await waitFor(() => server.stats().streams === 2);
      const another = await waitFor(() => client.open());
      another.write(Buffer.from('x'));
      await waitFor(() => streams.length === 4);
    });

    it('stays while nothing is said', async () => {
      const quiet = { idleMs: 1_500, keepAliveMs: 100 };
      const { client, server } = await newPair({ client: quiet, server: quiet });
      echoEverything(server);
      const before = performance.now();
      let closed = false;
      client.onClose = () => {
        closed = true;
      };
      await waitFor(() => performance.now() - before > 2_000);
      expect(closed).toBe(false);
      const reader = new Reader(client.open());
      reader.stream.end();
      await reader.whenEnded();
    });

    it('keeps what is connected when the certificate is renewed, and shows the new one to others', async () => {
      const { client, server, listener } = await newPair();
      echoEverything(server);
      const fresh = await newCredentials();
      listener.renew(fresh.certificate, fresh.key);
      const second = await connect({
        host: '127.0.0.1',
        port: listener.port,
        trust: { ca: fresh.ca },
        carriers: [kind],
      });
      expect(second.serverFingerprint).not.toBe(client.serverFingerprint);
      const reader = new Reader(client.open());
      reader.stream.end();
      await reader.whenEnded();
      await second.close({ code: 'done' });
    });
  });

  describe('trust', () => {
    const attempt = async (trust: Parameters<typeof connect>[0]['trust'], host = '127.0.0.1') => {
      // A UDP socket that is bound to all addresses answers from the machine's first one.
      const { listener } = await newPair(
        host === '127.0.0.2' ? { listen: { host }, connect: { host, trust: { trustAnything: true } } } : {},
      );
      const carrier = await connect({ host, port: listener.port, carriers: [kind], ...(trust && { trust }) });
      const { serverFingerprint } = carrier;
      await carrier.close({ code: 'done' });
      return serverFingerprint;
    };

    it('refuses a server whose authority is not known', async () => {
      await expect(attempt(undefined)).rejects.toMatchObject({ end: { code: 'certificate' } });
      await expect(attempt({ ca: (await newCredentials()).ca })).rejects.toMatchObject({
        end: { code: 'certificate' },
      });
    });

    it('refuses a certificate for another name', async () => {
      await expect(attempt({ ca: credentials.ca }, '127.0.0.2')).rejects.toMatchObject({
        end: { code: 'certificate' },
      });
    });

    it('takes the name as well as the address', async () => {
      await expect(attempt({ ca: credentials.ca }, 'localhost')).resolves.toMatch(/^[0-9a-f]{64}$/);
    });

    it('takes the pinned certificate whoever signed it, and no other', async () => {
      const leaf = Buffer.from(credentials.certificate.split('-----')[2] ?? '', 'base64');
      await expect(attempt({ pin: fingerprintOf(leaf) })).resolves.toBe(fingerprintOf(leaf));
      await expect(attempt({ pin: fingerprintOf(Buffer.from('other')) })).rejects.toMatchObject({
        end: { code: 'certificate' },
      });
      await expect(attempt({ pin: 'AB:CD' })).rejects.toMatchObject({ end: { code: 'certificate' } });
      // With a pin nothing else counts, not even the right authority.
      await expect(attempt({ ca: credentials.ca, pin: '0'.repeat(64) })).rejects.toMatchObject({
        end: { code: 'certificate' },
      });
    });

    it('takes anything when told to', async () => {
      await expect(attempt({ trustAnything: true })).resolves.toMatch(/^[0-9a-f]{64}$/);
    });
  });
}
