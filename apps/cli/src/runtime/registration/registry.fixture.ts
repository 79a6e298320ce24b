import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifyDeviceProof } from '@gatehouse/crypto';
import { grantKeyOf } from '@gatehouse/session';

type Body = { keys?: { identity: string; session: string }; signature: string; signedAt: string; nonce?: string };

export interface Heard {
  readonly path: string;
  readonly body: Body & Record<string, unknown>;
  readonly authorization: string | undefined;
}

/** Answers as the registry does on the wire, one device at a time, with real checks of signatures. */
export class RegistryStandIn {
  readonly heard: Heard[] = [];
  readonly grantKeys = [grantKeyOf(generateKeyPairSync('ed25519').publicKey)];
  readonly requestId = randomUUID();
  readonly deviceId = randomUUID();
  apiKey = `m87_AAAAAAAA.${'k'.repeat(40)}`;
  state: 'pending' | 'approved' | 'rejected' | 'expired' | 'removed' = 'pending';
  identity = '';
  rotationDue = false;
  /** Answers the next calls with these instead. */
  readonly failures: { status: number; code: string; more?: object }[] = [];
  clockOffsetMs = 0;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #fetched = false;

  /** The key ends, and the next one can be fetched. */
  endKey(): void {
    this.apiKey = `m87_BBBBBBBB.${'k'.repeat(40)}`;
    this.#fetched = false;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text) as Heard['body'];
    const path = (request.url ?? '').split('?')[0] ?? '';
    this.heard.push({ path, body, authorization: request.headers.authorization });
    const failure = this.failures.shift();
    const [status, value] = failure
      ? ([failure.status, { title: 'No', code: failure.code, ...failure.more }] as const)
      : this.#reply(path, body, request.headers.authorization);
    response.statusCode = status;
    response.setHeader('content-type', status < 300 ? 'application/json' : 'application/problem+json');
    response.end(JSON.stringify(value));
  }

  #reply(path: string, body: Heard['body'], authorization: string | undefined): readonly [number, object] {
    const now = new Date(Date.now() + this.clockOffsetMs).toISOString();
    if (Math.abs(Date.parse(String(body.signedAt ?? now)) - Date.parse(now)) > 300_000)
      return [401, { title: 'Stale', code: 'proof_stale', now }];
    if (path === '/api/v1/devices/registrations') {
      const identity = body.keys?.identity ?? '';
      if (!this.#isProven('registration', identity, body)) return [401, { title: 'No proof', code: 'proof_invalid' }];
      this.identity = identity;
      return [202, { requestId: this.requestId, deviceId: this.deviceId, state: 'pending' }];
    }
    if (path.endsWith('/state')) return this.#state(body);
    if (authorization !== `Bearer ${this.apiKey}` || this.state === 'removed')
      return [401, { title: 'Not authenticated', code: 'unauthenticated' }];
    if (path.endsWith('/self/heartbeat'))
      return [200, { rotationDue: this.rotationDue, relays: ['relay.example:443', 'other.example:443'] }];
    if (!this.#isProven('keys', this.identity, body)) return [401, { title: 'No proof', code: 'proof_invalid' }];
    this.identity = body.keys?.identity ?? '';
    this.rotationDue = false;
    return [200, {}];
  }

  #state(body: Body): readonly [number, object] {
    if (!this.#isProven('state', this.identity, body, { requestId: this.requestId }))
      return [401, { title: 'No proof', code: 'proof_invalid' }];
    const { deviceId } = this;
    if (this.state !== 'approved') return [200, { state: this.state, deviceId }];
    const key = this.#fetched ? {} : { apiKey: this.apiKey };
    this.#fetched = true;
    const { grantKeys } = this;
    const facts = { deviceId, name: 'edge-1', tenantId: 't', grantKeys, relays: ['relay.example:443'] };
    return [200, { state: 'approved', ...facts, ...key, publicUrl: this.url }];
  }

  #isProven(purpose: 'registration' | 'state' | 'keys', identity: string, said: Body, place: object = {}): boolean {
    const { signature, ...rest } = said;
    return verifyDeviceProof(identity, purpose, this.url, { ...rest, ...place }, signature);
  }
}
