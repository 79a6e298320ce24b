import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { logIdentity, logKey } from './log-key.js';
import { checkpointText, openCheckpointText, signCheckpoint } from './signed-checkpoint.js';
import { signTime, verifyTime } from './time-signature.js';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const name = 'example.com/ledger';
const body = `${name}\n7\n${Buffer.alloc(32, 1).toString('base64')}\n`;
const seconds = 1_795_312_800;

describe('a signature over the time of a checkpoint', () => {
  it('is what c2sp.org/tlog-cosignature says, byte for byte', () => {
    const line = signTime(name, privateKey, body, seconds);
    const [, encoded = ''] = /^\u2014 example\.com\/ledger ([A-Za-z0-9+/=]+)\n$/.exec(line) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    expect(bytes).toHaveLength(4 + 8 + 64);
    expect(bytes.readBigUInt64BE(4)).toBe(BigInt(seconds));
    const message = Buffer.from(`cosignature/v1\ntime ${seconds}\n${body}`);
    expect(verify(null, message, publicKey, bytes.subarray(12))).toBe(true);
  });

  it('tells the time, and nothing for another name, key, body or any changed character', () => {
    const line = signTime(name, privateKey, body, seconds);
    expect(verifyTime(name, publicKey, body, line)).toBe(seconds);
    expect(verifyTime('example.com/other', publicKey, body, line)).toBeUndefined();
    expect(verifyTime(name, createPublicKey(generateKeyPairSync('ed25519').privateKey), body, line)).toBeUndefined();
    expect(verifyTime(name, publicKey, body.replace('7', '8'), line)).toBeUndefined();
    for (let at = 0; at < line.length; at++) {
      const changed = `${line.slice(0, at)}${line[at] === 'A' ? 'B' : 'A'}${line.slice(at + 1)}`;
      expect(verifyTime(name, publicKey, body, changed)).toBeUndefined();
    }
  });
});

describe('a signed checkpoint', () => {
  const key = logKey(name, privateKey);
  const signed = signCheckpoint(key, { size: 7, root: Buffer.alloc(32, 1) }, seconds * 1_000 + 999);
  const text = checkpointText(signed);

  it('opens with the public key alone', () => {
    expect(openCheckpointText(logIdentity(key.vkey), text)).toMatchObject({
      size: 7,
      signedAt: new Date(seconds * 1_000),
    });
  });

  it('does not open with any byte changed, taken away or added', () => {
    for (let at = 0; at < text.length; at++) {
      for (const changed of [
        `${text.slice(0, at)}${text[at] === '~' ? '!' : '~'}${text.slice(at + 1)}`,
        text.slice(0, at) + text.slice(at + 1),
        `${text.slice(0, at)}\n${text.slice(at)}`,
      ]) {
        expect(openCheckpointText(key, changed)).toHaveProperty('problem');
      }
    }
  });
});
