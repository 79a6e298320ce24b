import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AwsCredentials, signedHeaders } from './sign-request.js';

export interface KmsServer {
  readonly url: string;
  /** Actions that were asked for, with the id of the access key. */
  readonly asked: { readonly action: string; readonly accessKeyId: string }[];
  /** Answers every call instead of what it should. */
  answer: { readonly status: number; readonly body: string } | undefined;
  close(): Promise<void>;
}

/**
 * Speaks KMS's JSON protocol over HTTP: one symmetric key, requests must be signed by one of the credentials. Ciphertexts
 * are bound to the encryption context, as those of AWS are.
 */
export async function startKms(keyId: string, region: string, known: readonly AwsCredentials[]): Promise<KmsServer> {
  const key = randomBytes(32);
  const state: Pick<KmsServer, 'asked' | 'answer'> = { asked: [], answer: undefined };
  const server = createServer(async (request, response) => {
    const body = await textOf(request);
    const { status, body: answer } = state.answer ?? serve(request, body);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(answer);
  });

  function serve(request: IncomingMessage, body: string) {
    const caller = known.find((credentials) => isSignedBy(credentials, request, body));
    if (!caller) return refusal('InvalidSignatureException');
    const action = String(request.headers['x-amz-target']).replace('TrentService.', '');
    state.asked.push({ action, accessKeyId: caller.accessKeyId });
    const input = JSON.parse(body);
    if (input.KeyId !== keyId) return refusal('NotFoundException');
    return action === 'Encrypt' ? encrypt(input) : decrypt(input);
  }

  function isSignedBy(credentials: AwsCredentials, request: IncomingMessage, body: string): boolean {
    const time = String(request.headers['x-amz-date']);
    const now = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    const names = /SignedHeaders=([^,]+)/.exec(String(request.headers.authorization))?.[1]?.split(';') ?? [];
    const own = new Set(['host', 'x-amz-date', 'x-amz-security-token']);
    const headers = Object.fromEntries(
      names.filter((name) => !own.has(name)).map((name) => [name, String(request.headers[name])]),
    );
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const expected = signedHeaders({ method: 'POST', url, headers, body }, credentials, {
      region,
      service: 'kms',
      now,
    });
    return expected.authorization === request.headers.authorization && Math.abs(now - Date.now()) < 300_000;
  }

  function encrypt({ Plaintext, EncryptionContext }: Record<string, unknown>) {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(JSON.stringify(EncryptionContext)));
    const text = Buffer.concat([cipher.update(String(Plaintext), 'base64'), cipher.final()]);
    const blob = Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
    return { status: 200, body: JSON.stringify({ CiphertextBlob: blob, KeyId: keyId }) };
  }

  function decrypt({ CiphertextBlob, EncryptionContext }: Record<string, unknown>) {
    const blob = Buffer.from(String(CiphertextBlob), 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(0, 12));
      decipher.setAAD(Buffer.from(JSON.stringify(EncryptionContext))).setAuthTag(blob.subarray(12, 28));
      const plaintext = Buffer.concat([decipher.update(blob.subarray(28)), decipher.final()]).toString('base64');
      return { status: 200, body: JSON.stringify({ Plaintext: plaintext, KeyId: keyId }) };
    } catch {
      return refusal('InvalidCiphertextException');
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return Object.assign(state, { url, close });
}

const refusal = (type: string) => ({
  status: 400,
  body: JSON.stringify({ __type: `com.amazonaws.kms#${type}`, message: 'no' }),
});

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
