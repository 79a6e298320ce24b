import { randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import type { ByteStream } from '@gatehouse/transport';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutLink } from '../cut-link.fixture.js';
import { nodePrimitives } from '../node-primitives.js';
import { acceptChannel } from './accept-channel.js';
import { openChannel } from './open-channel.js';

const bytesOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

/** A channel, which the client's first words confirmed. */
function channel(near: ByteStream, far: ByteStream): Promise<{ client: ByteStream; device: ByteStream }> {
  const keys = nodePrimitives.generateKeyPair();
  const deviceKeys = nodePrimitives.generateKeyPair();
  return new Promise((resolve, reject) => {
    let client: ByteStream | undefined;
    const onFailed = ({ code }: { code: string }) => reject(new Error(code));
    acceptChannel(far, {
      statics: [nodePrimitives.generateKeyPair(), deviceKeys],
      decide: (_, holder) => {
        expect(Buffer.from(holder).equals(keys.public)).toBe(true);
        return { received: 7, run: randomUUID() };
      },
      onConfirmed: (device) => client && resolve({ client, device }),
      onFailed,
    });
    const opening = openChannel({
      static: keys,
      remoteStatic: deviceKeys.public,
      offer: { v: 1, grant: 'g', stream: randomUUID(), received: 0 },
      onAnswer: (answer, stream) => {
        expect(answer).toMatchObject({ received: 7 });
        client = stream;
        stream.write(Buffer.from('!'));
      },
      onFailed,
    });
    near.write(opening.first);
    opening.read(near);
  });
}

const whole = { upBytes: undefined, downBytes: undefined, noticeUp: 0, noticeDown: 0 };

describe('a sealed stream', () => {
  it('lends what it gives out, and has its memory back right afterwards', async () => {
    const { client, device } = await channel(...cutLink({ ...whole, pieces: [70_000] }));
    const lent: Uint8Array[] = [];
    device.onData = (chunk) => {
      expect(chunk.byteLength).toBeGreaterThan(0);
      lent.push(chunk);
    };
    client.write(bytesOf(60_000));
    await waitFor(() => lent.length > 0 && lent.every(({ byteLength }) => byteLength === 0));
  });

  it('is byte for byte what was written, whatever pieces it was written and comes in', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 150_000 }), { minLength: 1, maxLength: 6 });
    const pieces = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(sizes, pieces, async (written, cuts) => {
        const { client, device } = await channel(...cutLink({ ...whole, pieces: cuts.map((cut) => cut + 500) }));
        const got: Buffer[] = [];
        const over = new Promise<void>((resolve) => {
          device.onData = (chunk) => {
            got.push(Buffer.from(chunk));
            device.pause();
            setImmediate(() => device.resume());
          };
          device.onEnd = resolve;
        });
        for (const size of written) {
          const chunk = bytesOf(size);
          client.write(chunk);
          chunk.fill(0);
        }
        client.end();
        await over;
        expect(Buffer.concat(got).equals(Buffer.concat(written.map(bytesOf)))).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('breaks off with protocol at a record that does not open, and says no word more', async () => {
    const [near, far] = cutLink({ ...whole, pieces: [100_000] });
    const { client, device } = await channel(near, far);
    const got: string[] = [];
    const broken = new Promise<string>((resolve) => {
      device.onData = (chunk) => got.push(Buffer.from(chunk).toString());
      device.onReset = ({ code }) => resolve(code);
    });
    const told = new Promise<string>((resolve) => (client.onReset = ({ code }) => resolve(code)));
    client.write(Buffer.from('right'));
    await new Promise((next) => setImmediate(next));
    // A record of somebody in between.
    near.write(Buffer.concat([Buffer.from([0, 20]), Buffer.alloc(20, 7)]));
    client.write(Buffer.from('too late'));
    expect([await broken, await told, got]).toEqual(['protocol', 'protocol', ['right']]);
  });
});
