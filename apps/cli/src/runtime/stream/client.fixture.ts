import { randomBytes, randomUUID } from 'node:crypto';
import {
  type DeviceAction,
  type FrameType,
  frameTypes,
  type GrantClaims,
  type GrantScope,
  type OpenMessage,
  type ServedSession,
  type SessionReport,
} from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import type { StreamEnd } from '@gatehouse/transport';
import { framePair } from './frame-pair.fixture.js';

const emptyHash = '0'.repeat(64);

function scopeFor(open: OpenMessage): GrantScope {
  if (open.kind === 'exec') return { kind: 'exec', commandHash: emptyHash };
  if (open.kind === 'files') return { kind: 'files', paths: ['/'], write: true };
  if (open.kind === 'forward') return { kind: 'forward', targets: [open.target] };
  if (open.kind === 'recording') return { kind: 'recording', sessionId: open.sessionId };
  return { kind: open.kind };
}

/** Claims as a verified grant has them. */
export function grantFor(open: OpenMessage, more: Partial<GrantClaims> = {}): GrantClaims {
  const now = Math.floor(Date.now() / 1_000);
  return {
    ...{ jti: randomUUID(), sid: randomUUID(), iss: 'gatehouse/registry', aud: randomUUID(), tenantId: 't' },
    subject: { type: 'user', id: 'ann' },
    scope: scopeFor(open),
    actions: ['device.shell'] as DeviceAction[],
    decisions: ['d'],
    cnf: { x25519: randomBytes(32).toString('base64url') },
    ...{ iat: now, exp: now + 300 },
    ...more,
  };
}

/** The client's side of a served session: sends, and keeps what came. */
export class TestClient {
  readonly stream;
  readonly frames: { type: FrameType; payload: Buffer }[] = [];
  readonly reports: SessionReport['event'][] = [];
  readonly #ended = new AbortController();
  isEnded = false;
  onRevoked: () => void = () => undefined;
  wasReset: StreamEnd | undefined;
  readonly grant: GrantClaims;

  constructor(handler: (session: never) => void, open: OpenMessage, grant: Partial<GrantClaims> = {}) {
    const { client, device } = framePair();
    this.stream = client;
    this.grant = grantFor(open, grant);
    client.onFrame = (type, payload) => this.frames.push({ type, payload: Buffer.from(payload) });
    client.onEnd = () => {
      this.isEnded = true;
    };
    client.onReset = (end) => {
      this.wasReset = end;
    };
    const session: ServedSession = {
      ...{ grant: this.grant, open, stream: device, source: undefined, ended: this.#ended.signal },
      report: (event) => this.reports.push(event),
    };
    handler(session as never);
  }

  /** As a revocation does it. */
  revoke(): void {
    this.#ended.abort();
    this.onRevoked();
  }

  send(text: string | Uint8Array): void {
    this.stream.send(frameTypes.data, Buffer.from(text as string));
  }

  json(type: FrameType, value: unknown): void {
    this.stream.sendJson(type, value);
  }

  eof(): void {
    this.stream.send(frameTypes.eof, Buffer.alloc(0));
  }

  of(type: FrameType): Buffer[] {
    return this.frames.filter((frame) => frame.type === type).map(({ payload }) => payload);
  }

  bytes(type: FrameType = frameTypes.data): Buffer {
    return Buffer.concat(this.of(type));
  }

  text(type: FrameType = frameTypes.data): string {
    return this.bytes(type).toString('utf8');
  }

  messages<T>(type: FrameType): T[] {
    return this.of(type).map((payload) => JSON.parse(payload.toString('utf8')) as T);
  }

  one<T>(type: FrameType): T | undefined {
    return this.messages<T>(type)[0];
  }

  async until(condition: () => boolean, what = 'the condition'): Promise<void> {
    await waitFor(() => condition(), { message: what });
  }

  /** Until the device ended its half; answers its last frame. */
  async end(): Promise<unknown> {
    await this.until(() => this.isEnded || this.wasReset !== undefined, 'the end of the stream');
    return this.one(frameTypes.exit) ?? this.one(frameTypes.error) ?? this.wasReset;
  }
}
