import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CurveKeyType, newKeyBytes } from '@gatehouse/crypto';
import type { KeyPair } from '@gatehouse/noise';
import { z } from 'zod';
import { exitCodes, Failure } from '../../failure.js';
import { writePrivateFile } from '../../settings/private-file.js';

const secret = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const keyTexts = z.object({ identity: secret, session: secret });
/** Private keys, base64url of 32 bytes each. */
const keyFile = z.object({
  current: keyTexts,
  /** What sessions from before the last rotation are sealed to. */
  previousSession: secret.optional(),
  /** Sent to the registry, which may or may not have heard: sent again at the next start. */
  next: keyTexts.optional(),
});
type KeyFile = z.infer<typeof keyFile>;

const grantKeyList = z.array(z.object({ kid: z.string(), publicKey: z.string() }));

/** What the registry told of this device. */
export const deviceState = z.object({
  url: z.string(),
  owner: z.string(),
  requestId: z.string().optional(),
  /** Of the last fetch of the key: whoever knows it may fetch again when the answer was lost. */
  nonce: z.string().optional(),
  status: z.enum(['pending', 'approved', 'rejected', 'removed']),
  deviceId: z.string().optional(),
  name: z.string().optional(),
  tenantId: z.string().optional(),
  publicUrl: z.string().optional(),
  /** Pinned: what is not signed by one of these is not served. */
  grantKeys: grantKeyList.default([]),
  relays: z.array(z.string()).default([]),
});
export type DeviceState = z.infer<typeof deviceState>;

export interface DeviceKeyPair {
  /** Ed25519. */
  readonly identity: KeyObject;
  /** X25519. */
  readonly session: KeyPair;
  readonly public: { readonly identity: string; readonly session: string };
  /** What a person compares: SHA-256 of the identity key, hexadecimal. */
  readonly fingerprint: string;
}

/** The device's own files, in its data folder: for the account of the runtime alone, and written whole or not at all. */
export class DeviceFiles {
  constructor(readonly folder: string) {}

  /** Made at the first call. */
  keys(): DeviceKeyPair {
    return keyPairOf(this.#keyFile().current);
  }

  previousSession(): KeyPair | undefined {
    const { previousSession } = this.#keyFile();
    return previousSession === undefined ? undefined : sessionKeyOf(previousSession);
  }

  /** The keys of a rotation that has begun. They are on the disk before anybody hears of them. */
  nextKeys(): DeviceKeyPair {
    const file = this.#keyFile();
    if (file.next !== undefined) return keyPairOf(file.next);
    const next = drawKeys();
    this.#writeKeys({ ...file, next });
    return keyPairOf(next);
  }

  hasNextKeys(): boolean {
    return this.#keyFile().next !== undefined;
  }

  /** The registry knows them. */
  adoptNextKeys(): void {
    const { current, next } = this.#keyFile();
    if (next !== undefined) this.#writeKeys({ current: next, previousSession: current.session });
  }

  state(): DeviceState | undefined {
    return read(this.#path('device.json'), deviceState);
  }

  writeState(state: DeviceState): void {
    writePrivateFile(this.#path('device.json'), `${JSON.stringify(state, null, 2)}\n`);
  }

  /** Keys, too: who registers again afterwards is another device. */
  forget(): void {
    for (const name of ['device.json', 'device-keys.json']) rmSync(this.#path(name), { force: true });
  }

  #keyFile(): KeyFile {
    const known = read(this.#path('device-keys.json'), keyFile);
    if (known !== undefined) return known;
    const drawn = { current: drawKeys() };
    this.#writeKeys(drawn);
    return drawn;
  }

  #writeKeys(file: KeyFile): void {
    writePrivateFile(this.#path('device-keys.json'), `${JSON.stringify(file, null, 2)}\n`);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

const drawKeys = (): z.infer<typeof keyTexts> => ({ identity: drawKey('ed25519'), session: drawKey('x25519') });

const drawKey = (type: CurveKeyType): string => newKeyBytes(type).secret.toString('base64url');

function keyPairOf({ identity, session }: z.infer<typeof keyTexts>): DeviceKeyPair {
  const key = privateKeyOf('Ed25519', identity);
  const own = sessionKeyOf(session);
  const identityText = publicTextOf(key);
  return {
    ...{ identity: key, session: own },
    public: { identity: identityText, session: Buffer.from(own.public).toString('base64url') },
    fingerprint: createHash('sha256').update(Buffer.from(identityText, 'base64url')).digest('hex'),
  };
}

function sessionKeyOf(text: string): KeyPair {
  const key = privateKeyOf('X25519', text);
  return { secret: Buffer.from(text, 'base64url'), public: Buffer.from(publicTextOf(key), 'base64url') };
}

const publicTextOf = (key: KeyObject): string => String(createPublicKey(key).export({ format: 'jwk' }).x);

/** RFC 8410: the 32 bytes behind what says which curve they are for. */
function privateKeyOf(curve: 'Ed25519' | 'X25519', text: string): KeyObject {
  const head = Buffer.from(`302e020100300506032b65${curve === 'Ed25519' ? '70' : '6e'}04220420`, 'hex');
  const key = Buffer.concat([head, Buffer.from(text, 'base64url')]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

/** Undefined when there is no such file. What is damaged is named, and nothing of it is told. */
function read<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Failure(exitCodes.usage, `${path} is damaged`, 'gatehouse runtime logout begins anew: as another device');
  }
}
