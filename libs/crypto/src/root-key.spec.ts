import { createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { rootKeyOf, unwrapKey, wrapKey, wrappedUnder } from './root-key.js';
import { newSubjectKey } from './subject-keys.js';

const root = rootKeyOf(createSecretKey(Buffer.alloc(32, 1)));
const other = rootKeyOf(createSecretKey(Buffer.alloc(32, 2)));
const key = newSubjectKey();
const refusal = (code: string) => expect.objectContaining({ name: 'CryptoError', code });

describe('wrapKey and unwrapKey', () => {
  it('give the key back', () => {
    expect(unwrapKey(root, wrapKey(root, key, 'ctx'), 'ctx').equals(key)).toBe(true);
  });

  it('begin with the format version and the id of the root key', () => {
    const wrapped = wrapKey(root, key, 'ctx');
    expect(wrapped).toHaveLength(69);
    expect(wrapped[0]).toBe(1);
    expect(wrappedUnder(wrapped)).toBe(root.id);
    expect(wrapped.includes(key.export())).toBe(false);
  });

  it('never wrap the same key to the same bytes', () => {
    expect(wrapKey(root, key, 'ctx')).not.toEqual(wrapKey(root, key, 'ctx'));
  });

  it('refuse another context, also with bytes moved between header and context', () => {
    const wrapped = wrapKey(root, key, 'subject-key:acme:u_7:1');
    expect(() => unwrapKey(root, wrapped, 'subject-key:acme:u_7:2')).toThrow(refusal('not_authentic'));
    expect(() => unwrapKey(root, wrapped, '')).toThrow(refusal('not_authentic'));
  });

  it('name the root key that is needed', () => {
    expect(() => unwrapKey(other, wrapKey(root, key, 'ctx'), 'ctx')).toThrow(refusal('wrong_key'));
    expect(() => unwrapKey(other, wrapKey(root, key, 'ctx'), 'ctx')).toThrow(root.id);
  });

  it('refuse another root key that claims the id', () => {
    const forged = { id: root.id, key: other.key };
    expect(() => unwrapKey(forged, wrapKey(root, key, 'ctx'), 'ctx')).toThrow(refusal('not_authentic'));
  });

  it('refuse every flipped byte, each length and an unknown version', () => {
    const wrapped = wrapKey(root, key, 'ctx');
    for (let at = 0; at < wrapped.length; at++) {
      const changed = Buffer.from(wrapped);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x10, at);
      const code = at === 0 ? 'malformed' : at < 9 ? 'wrong_key' : 'not_authentic';
      expect(() => unwrapKey(root, changed, 'ctx')).toThrow(refusal(code));
      expect(() => unwrapKey(root, wrapped.subarray(0, at), 'ctx')).toThrow(refusal('malformed'));
    }
    expect(() => unwrapKey(root, Buffer.concat([wrapped, Buffer.of(0)]), 'ctx')).toThrow(refusal('malformed'));
  });

  it('take keys of 32 bytes only', () => {
    expect(() => wrapKey(root, createSecretKey(randomBytes(16)), 'ctx')).toThrow(RangeError);
    expect(() => rootKeyOf(createSecretKey(randomBytes(31)))).toThrow(RangeError);
  });
});

describe('RootKey', () => {
  it('has one id per key', () => {
    expect(root.id).toMatch(/^[0-9a-f]{16}$/);
    expect(rootKeyOf(createSecretKey(Buffer.alloc(32, 1))).id).toBe(root.id);
    expect(other.id).not.toBe(root.id);
  });

  it('shows no key byte when printed or serialized', () => {
    const printed = `${JSON.stringify(root)} ${inspect(root, { depth: 9, showHidden: true })}`;
    expect(printed).not.toMatch(/(01){8}|(AQEB){3}|(01 ){4}|(\b1, ){4}/);
    expect(JSON.parse(JSON.stringify(root))).toEqual({ id: root.id, key: {} });
  });
});
