import type { KeyObject } from 'node:crypto';
import { keyOfBytes } from '@gatehouse/crypto';
import { z } from 'zod';
import type { Seal } from '../seal.js';
import { type AwsCredentials, signedHeaders } from './sign-request.js';

export interface KmsSealOptions {
  /** Id, ARN or alias of a symmetric key that may encrypt and decrypt. */
  readonly keyId: string;
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: () => Promise<AwsCredentials>;
  readonly now?: () => number;
}

const timeoutMs = 5_000;
const maxAnswerBytes = 64 * 1024;
const rootKeyBytes = 32;

const encrypted = z.object({ CiphertextBlob: z.base64() });
const decrypted = z.object({ Plaintext: z.base64() });
const refused = z.object({ __type: z.string().max(200), message: z.string().max(1_000).optional() });

/**
 * AWS KMS: the root key is encrypted and decrypted there (`Encrypt`, `Decrypt`), and what encrypts it never leaves. The
 * encryption context says what it is for, and stands in CloudTrail.
 */
export function kmsSeal({ keyId, region, endpoint, credentials, now = Date.now }: KmsSealOptions): Seal {
  const contextOf = (context: string) => ({ 'gatehouse:purpose': context });

  async function call<T>(action: 'Encrypt' | 'Decrypt', input: object, answer: z.ZodType<T>): Promise<T> {
    const url = new URL(endpoint);
    const body = JSON.stringify(input);
    const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `TrentService.${action}` };
    const scope = { region, service: 'kms', now: now() };
    const response = await fetch(url, {
      method: 'POST',
      headers: signedHeaders({ method: 'POST', url, headers, body }, await credentials(), scope),
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: Error) => {
      throw new Error(`KMS cannot be reached at ${url.host}`, { cause: error });
    });
    const text = await response.text();
    if (text.length > maxAnswerBytes) throw new Error('KMS answered more than it may');
    if (response.ok) return answer.parse(JSON.parse(text));
    throw new Error(`KMS refused ${action}: ${reasonOf(text) ?? `status ${response.status}`}`);
  }

  return {
    kind: 'aws-kms',
    ready: true,
    async wrap(rootKey: KeyObject, context: string) {
      const bytes = rootKey.export();
      const Plaintext = bytes.toString('base64');
      bytes.fill(0);
      const input = { KeyId: keyId, Plaintext, EncryptionContext: contextOf(context) };
      return Buffer.from((await call('Encrypt', input, encrypted)).CiphertextBlob, 'base64');
    },
    async unwrap(wrapped, context) {
      const CiphertextBlob = Buffer.from(wrapped).toString('base64');
      const input = { KeyId: keyId, CiphertextBlob, EncryptionContext: contextOf(context) };
      const bytes = Buffer.from((await call('Decrypt', input, decrypted)).Plaintext, 'base64');
      if (bytes.length !== rootKeyBytes) throw new Error('KMS decrypted something that is no root key');
      return keyOfBytes(bytes);
    },
    /** Encrypts again, under what the key of this id is now: after its material was rotated, or an alias points elsewhere. */
    async rekey(_wanted, store) {
      await store(this.wrap, {});
      return [];
    },
    forget: () => undefined,
  };
}

/** What KMS says of a refusal: the name of its exception, and its text, which names keys and no secrets. */
function reasonOf(text: string): string | undefined {
  try {
    const { __type, message } = refused.parse(JSON.parse(text));
    return `${__type.split('#').at(-1)}${message === undefined ? '' : `: ${message}`}`;
  } catch {
    return undefined;
  }
}
