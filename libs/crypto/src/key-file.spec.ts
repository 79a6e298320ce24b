import { randomBytes, sign, verify } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createKeyFile, loadKeyFile, loadOrCreateEd25519, loadOrCreateKeyFile } from './key-file.js';
import { readOrCreatePrivateFile, refuseUnlessPrivate } from './private-file.js';
import { loadOrCreateRootKey, loadRootKey } from './root-key.js';

const refusal = (code: string) => expect.objectContaining({ name: 'CryptoError', code });
const modeOf = (path: string): number => statSync(path).mode & 0o7777;
const bytes = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7));

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  path = join(folder, 'root.key');
});

afterEach(() => rmSync(folder, { recursive: true }));

function put(text: string, mode = 0o600): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

describe('createKeyFile', () => {
  it('makes a file of mode 0600 in folders of mode 0700 and leaves nothing beside it', () => {
    const deep = join(folder, 'a', 'b', 'pepper');
    createKeyFile(deep, bytes);
    expect([modeOf(deep), modeOf(join(folder, 'a')), modeOf(join(folder, 'a', 'b'))]).toEqual([0o600, 0o700, 0o700]);
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['pepper']);
    expect(loadKeyFile(deep).export()).toEqual(bytes);
  });

  it('keeps its modes whatever the umask is', () => {
    const before = process.umask(0);
    try {
      createKeyFile(join(folder, 'open', 'pepper'), bytes);
    } finally {
      process.umask(before);
    }
    expect([modeOf(join(folder, 'open')), modeOf(join(folder, 'open', 'pepper'))]).toEqual([0o700, 0o600]);
  });

  it('never replaces a file, nor follows a dangling link', () => {
    put('something');
    expect(() => createKeyFile(path, bytes)).toThrow(refusal('key_file_exists'));
    expect(readFileSync(path, 'utf8')).toBe('something');
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
    expect(() => createKeyFile(join(folder, 'link'), bytes)).toThrow(refusal('key_file_exists'));
    expect(readdirSync(folder).sort()).toEqual(['link', 'root.key']);
  });

  it.each([0, 16, 31, 33])('refuses %i bytes', (length) => {
    expect(() => createKeyFile(path, randomBytes(length))).toThrow(RangeError);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('loadKeyFile', () => {
  it.each([
    ['base64', bytes.toString('base64')],
    ['base64url', bytes.toString('base64url')],
    ['hexadecimal', bytes.toString('hex')],
    ['hexadecimal in capitals', bytes.toString('hex').toUpperCase()],
    ['blanks around it', ` ${bytes.toString('base64')}\r\n`],
  ])('reads %s', (_name, text) => {
    put(text, 0o400);
    expect(loadKeyFile(path).export()).toEqual(bytes);
  });

  it.each([0o644, 0o640, 0o660, 0o604, 0o700, 0o500, 0o4600])('refuses mode %o', (mode) => {
    put(bytes.toString('base64'), mode);
    expect(() => loadKeyFile(path)).toThrow(refusal('key_file_permissions'));
  });

  it('refuses by the file behind a link', () => {
    put(bytes.toString('base64'), 0o644);
    symlinkSync(path, join(folder, 'link'));
    expect(() => loadKeyFile(join(folder, 'link'))).toThrow(refusal('key_file_permissions'));
    chmodSync(path, 0o600);
    expect(loadKeyFile(join(folder, 'link')).export()).toEqual(bytes);
  });

  it.each([
    ['nothing', ''],
    ['half a key', bytes.toString('base64').slice(0, 22)],
    ['a key and more', `${bytes.toString('base64')}A`],
    ['a password', 'correct horse battery staple'],
    ['zeros', Buffer.alloc(32).toString('hex')],
    ['a repeated placeholder', Buffer.from('changeme'.repeat(4)).toString('base64')],
    ['a large file', 'A'.repeat(20_000)],
  ])('refuses %s', (_name, text) => {
    put(text);
    expect(() => loadKeyFile(path)).toThrow(refusal('key_file_format'));
  });

  it('refuses a folder and a missing file', () => {
    mkdirSync(join(folder, 'd'), { mode: 0o700 });
    expect(() => loadKeyFile(join(folder, 'd'))).toThrow(refusal('key_file_format'));
    expect(() => loadKeyFile(path)).toThrow(refusal('key_file_missing'));
  });

  it('says the path and the fault, never the content', () => {
    put(`${bytes.toString('base64')}A`);
    expect(() => loadKeyFile(path)).toThrow(path);
    expect(() => loadKeyFile(path)).not.toThrow(bytes.toString('base64').slice(0, 8));
  });
});

describe('refuseUnlessPrivate', () => {
  const facts = { regular: true, size: 45, mode: 0o100600, owner: 1000 };

  it.each([
    ['us', 1000, 1000],
    ['root', 1000, 0],
    ['us, who are root', 0, 0],
    ['anybody where there are no users', undefined, 1000],
  ])('accepts a file of %s', (_name, self, owner) => {
    expect(() => refuseUnlessPrivate('f', { ...facts, owner }, self)).not.toThrow();
  });

  it('refuses a file of somebody else, to root too', () => {
    expect(() => refuseUnlessPrivate('f', facts, 1001)).toThrow(refusal('key_file_owner'));
    expect(() => refuseUnlessPrivate('f', facts, 0)).toThrow(refusal('key_file_owner'));
  });
});

describe('loadOrCreate', () => {
  it('makes a key once', () => {
    const key = loadOrCreateKeyFile(path);
    expect(modeOf(path)).toBe(0o600);
    expect(loadOrCreateKeyFile(path).equals(key)).toBe(true);
    expect(loadOrCreateRootKey(path).id).toBe(loadRootKey(path).id);
  });

  it('does not make a key over a broken or open one', () => {
    put('');
    expect(() => loadOrCreateKeyFile(path)).toThrow(refusal('key_file_format'));
    chmodSync(path, 0o644);
    expect(() => loadOrCreateEd25519(path)).toThrow(refusal('key_file_permissions'));
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  it('takes the key of a process that was faster', () => {
    const text = readOrCreatePrivateFile(path, () => {
      createKeyFile(path, bytes);
      return 'the slower key';
    });
    expect(text).toBe(`${bytes.toString('base64')}\n`);
    expect(readdirSync(folder)).toEqual(['root.key']);
  });
});

describe('loadOrCreateEd25519', () => {
  it('makes a signing key once, as PKCS #8 PEM of mode 0600', () => {
    const first = loadOrCreateEd25519(path);
    const again = loadOrCreateEd25519(path);
    const message = Buffer.from('checkpoint');
    expect(verify(null, message, again.publicKey, sign(null, message, first.privateKey))).toBe(true);
    expect(verify(null, Buffer.from('other'), again.publicKey, sign(null, message, first.privateKey))).toBe(false);
    expect(readFileSync(path, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(modeOf(path)).toBe(0o600);
  });

  it('signs as RFC 8032, 7.1, test 2', () => {
    const seed = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb';
    const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex').toString('base64');
    put(`-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`);
    const { privateKey, publicKey } = loadOrCreateEd25519(path);
    expect(publicKey.export({ format: 'jwk' }).x).toBe(
      Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex').toString('base64url'),
    );
    expect(sign(null, Buffer.of(0x72), privateKey).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it('refuses keys of another kind, public keys and other text', () => {
    const x25519 = `302e020100300506032b656e04220420${'11'.repeat(32)}`;
    const publicOnly = `302a300506032b6570032100${'11'.repeat(32)}`;
    const pem = (label: string, hex: string) =>
      `-----BEGIN ${label}-----\n${Buffer.from(hex, 'hex').toString('base64')}\n-----END ${label}-----\n`;
    for (const text of [pem('PRIVATE KEY', x25519), pem('PUBLIC KEY', publicOnly), 'text', '']) {
      put(text);
      expect(() => loadOrCreateEd25519(path)).toThrow(refusal('key_file_format'));
    }
  });
});
