import { execFileSync } from 'node:child_process';
import { initiator, NoiseError, noblePrimitives, recordLengthBytes, responder, sealOverhead } from '@gatehouse/noise';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nodePrimitives } from './node-primitives.js';

const place = (key: Uint8Array, additionalData: Uint8Array) => ({
  key,
  nonce: new Uint8Array(12).fill(7),
  additionalData,
});
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("OpenSSL's primitives", () => {
  it('seal and agree on what the others do', () => {
    fc.assert(
      fc.property(key, fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (secret, additionalData, head, text) => {
        const length = head.length + text.length + 16;
        const [a, b] = [nodePrimitives, noblePrimitives].map((primitives) => {
          const into = new Uint8Array(length + 4);
          expect(primitives.seal(place(secret, additionalData), text, into, 3, head)).toBe(length);
          return into;
        });
        expect(a).toEqual(b);
        const sealed = (a as Uint8Array).subarray(3, -1);
        const whole = Buffer.concat([head, text]);
        expect(nodePrimitives.open(place(secret, additionalData), sealed)).toEqual(whole);
        const changed = sealed.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
        expect(nodePrimitives.open(place(secret, additionalData), changed)).toBeUndefined();
        const [own, other] = [noblePrimitives.generateKeyPair(), nodePrimitives.generateKeyPair()];
        expect(Buffer.from(nodePrimitives.agree(own, other.public))).toEqual(
          Buffer.from(noblePrimitives.agree(other, own.public)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('draw keys without waiting for themselves, however many', () => {
    const module = new URL('./node-primitives.js', import.meta.url).href;
    // Where that happens (see `newKeyBytes`) it is for ever, and timers stop, too: a process of its own, which can be ended.
    const program = `
      import { nodePrimitives } from '${module}';
      const drawn = new Set();
      for (let i = 0; i < 12_000; i++) drawn.add(Buffer.from(nodePrimitives.generateKeyPair().secret).toString('hex'));
      process.stdout.write(String(drawn.size));`;
    const args = ['--input-type=module', '-e', program];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 100_000 })).toBe('12000');
  });

  it('refuse a key of small order and a text without a tag', () => {
    const own = nodePrimitives.generateKeyPair();
    expect(() => nodePrimitives.agree(own, new Uint8Array(32))).toThrow(NoiseError);
    expect(nodePrimitives.open(place(new Uint8Array(32), new Uint8Array(0)), new Uint8Array(15))).toBeUndefined();
  });

  it('talk to a browser', () => {
    const [device, client] = [nodePrimitives.generateKeyPair(), noblePrimitives.generateKeyPair()];
    const a = initiator({ static: client, remoteStatic: device.public });
    const b = responder({ static: device, primitives: nodePrimitives });
    b.read(a.write(new Uint8Array(1)));
    a.read(b.write(new Uint8Array(2)));
    const [from, to] = [a.transport(), b.transport()];
    for (const length of [1, 65_519]) {
      const into = new Uint8Array(length + sealOverhead);
      const end = from.seal(new Uint8Array(length).fill(3), into, 0);
      expect(to.open(into.subarray(recordLengthBytes, end))).toEqual(Buffer.alloc(length, 3));
    }
  });
});
