import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { blake2s } from '@noble/hashes/blake2.js';
import fc from 'fast-check';
import { type Handshake, initiator, responder } from './handshake.js';
import { keyPairOf, noblePrimitives } from './noble-primitives.js';
import { NoiseError } from './noise.js';
import { recordLengthBytes, sealOverhead, type Transport } from './transport.js';

const vector = JSON.parse(readFileSync(path.join(import.meta.dirname, '../src/testdata/cacophony-ik.json'), 'utf8'));
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const text = (words: string) => new TextEncoder().encode(words);

const device = noblePrimitives.generateKeyPair();
const client = noblePrimitives.generateKeyPair();
const pair = (prologues: [string, string] = ['', '']) => ({
  a: initiator({ static: client, remoteStatic: device.public, prologue: text(prologues[0]) }),
  b: responder({ static: device, prologue: text(prologues[1]) }),
});
const codeOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error instanceof NoiseError ? error.code : error;
  }
  return 'nothing';
};
const sealed = (transport: Transport, plain: Uint8Array) => {
  const into = new Uint8Array(plain.length + sealOverhead);
  return into.slice(recordLengthBytes, transport.seal(plain, into, 0));
};

describe('Noise IK', () => {
  it('says what the public vectors say, byte for byte', () => {
    const a = initiator({
      static: keyPairOf(bytes(vector.init_static)),
      ephemeral: keyPairOf(bytes(vector.init_ephemeral)),
      remoteStatic: bytes(vector.init_remote_static),
      prologue: bytes(vector.init_prologue),
    });
    const b = responder({
      static: keyPairOf(bytes(vector.resp_static)),
      ephemeral: keyPairOf(bytes(vector.resp_ephemeral)),
      prologue: bytes(vector.resp_prologue),
    });
    const [first, second, ...rest] = vector.messages as { payload: string; ciphertext: string }[];
    const said = (from: Handshake, to: Handshake, message: typeof first) => {
      const written = from.write(bytes(message?.payload as string));
      expect(hex(written)).toBe(message?.ciphertext);
      expect(hex(to.read(written))).toBe(message?.payload);
    };
    said(a, b, first);
    expect(hex(b.remoteStatic as Uint8Array)).toBe(hex(keyPairOf(bytes(vector.init_static)).public));
    said(b, a, second);
    const ways = [a.transport(), b.transport()] as const;
    // Noise 5.2: the hash goes on over what the second message says, its key and then its sealed payload.
    const answer = bytes(second?.ciphertext as string);
    const hashed = [answer.slice(0, 32), answer.slice(32)].reduce(
      (hash, part) => blake2s.create().update(hash).update(part).digest(),
      bytes(vector.hash_after_first_message),
    );
    for (const way of ways) expect(hex(way.channelBinding)).toBe(hex(hashed));
    for (const [i, message] of rest.entries()) {
      const record = sealed(ways[i % 2] as Transport, bytes(message.payload));
      expect(hex(record)).toBe(message.ciphertext);
      expect(hex((ways[(i + 1) % 2] as Transport).open(record))).toBe(message.payload);
    }
    expect(rest).toHaveLength(4);
  });

  it('opens for nobody but the holder of the key that was meant', () => {
    const other = noblePrimitives.generateKeyPair();
    const { a } = pair();
    const impostor = responder({ static: other });
    expect(codeOf(() => impostor.read(a.write(text('grant'))))).toBe('handshake_failed');
  });

  it('fails when the prologues differ', () => {
    const { a, b } = pair(['session 1', 'session 2']);
    expect(codeOf(() => b.read(a.write(text(''))))).toBe('handshake_failed');
  });

  it('fails for whatever byte of a message was changed, and for whatever was cut off', () => {
    const { a } = pair();
    const first = a.write(text('grant'));
    const answer = (message: Uint8Array) => codeOf(() => responder({ static: device }).read(message));
    expect(answer(first)).toBe('nothing');
    for (let i = 0; i < first.length; i++) {
      // The highest bit of an X25519 key is ignored (RFC 7748 5), but the hash counts it.
      const changed = first.map((byte, at) => (at === i ? byte ^ 0x80 : byte));
      expect([i, answer(changed)]).toEqual([i, 'handshake_failed']);
      expect(answer(first.slice(0, i))).toBe('handshake_failed');
    }
    expect(answer(new Uint8Array(65_536))).toBe('message_too_long');
  });

  it('keeps nothing of the memory that a message came in', () => {
    const { a, b } = pair();
    const first = Buffer.from(a.write(text('grant')));
    const payload = b.read(first);
    first.fill(0);
    expect(payload).toEqual(text('grant'));
    const second = Buffer.from(b.write(text('yes')));
    expect(a.read(second)).toEqual(text('yes'));
    const [from, to] = [a.transport(), b.transport()];
    second.fill(0);
    expect(to.open(sealed(from, text('on')))).toEqual(text('on'));
  });

  it('takes no key of small order', () => {
    const { a } = pair();
    const first = a.write(text(''));
    first.fill(0, 0, 32);
    expect(codeOf(() => responder({ static: device }).read(first))).toBe('handshake_failed');
  });

  it('keeps its turns, and is over after a failure', () => {
    const { a, b } = pair();
    expect(codeOf(() => b.write(text('')))).toBe('out_of_turn');
    expect(codeOf(() => a.read(new Uint8Array(64)))).toBe('out_of_turn');
    expect(codeOf(() => a.transport())).toBe('out_of_turn');
    const first = a.write(text(''));
    expect(codeOf(() => a.write(text('')))).toBe('out_of_turn');
    const changed = first.map((byte, at) => (at === 90 ? byte ^ 1 : byte));
    expect(codeOf(() => b.read(changed))).toBe('handshake_failed');
    expect(codeOf(() => b.read(first))).toBe('out_of_turn');
  });

  it('lets a recorded first message be read again, and its sender be nobody', () => {
    const { a, b } = pair();
    const first = a.write(text('grant'));
    b.read(first);
    const replayed = responder({ static: device });
    expect(replayed.read(first)).toEqual(text('grant'));
    replayed.write(text(''));
    const theirs = replayed.transport();
    a.read(b.write(text('')));
    expect(codeOf(() => theirs.open(sealed(a.transport(), text('do it'))))).toBe('decryption_failed');
  });

  it('never throws anything but its own error on random messages', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
        expect(codeOf(() => responder({ static: device }).read(message))).toBe('handshake_failed');
      }),
      { numRuns: 200 },
    );
  });
});
