import type { KeyPair } from '@gatehouse/noise';
import type { StreamEnd } from '@gatehouse/transport';
import { CarriedStream } from './client/carried-stream.js';
import { type Granted, Granting, type GrantRefused, type RequestGrant } from './client/granting.js';
import { RelayLines } from './client/relay-lines.js';
import type { RelayReach } from './dial-relay.js';
import { type FrameStream, frameStream } from './frame-stream.js';
import type { GrantScope } from './grant.js';
import { frameTypes, type OpenMessage } from './messages.js';
import { nodePrimitives } from './node-primitives.js';

export interface SessionClientOptions extends RelayReach {
  readonly requestGrant: RequestGrant;
  /** Shown to relays: name and version. */
  readonly agent?: string;
  /** For how long an open stream is kept when no relay or device is within reach; 60 s unless given. */
  readonly graceMs?: number;
  /** For the first time; 20 s unless given. */
  readonly openTimeoutMs?: number;
  readonly silenceMs?: number;
}

export interface SessionRequest {
  readonly scope: GrantScope;
  readonly command?: string | readonly string[];
  readonly reason?: string;
}

/** What a person does on one device under one grant, which is renewed while it lasts. */
export interface ClientSession {
  readonly granted: Granted;
  /**
   * One more stream to the device, each resumed by itself. The `open` message is sent; `accepted` or `error` comes first.
   *
   * @throws StreamReset `device_offline`, `unreachable`, `revoked`, `expired`, `limit`, `gone`, ...
   */
  open(message: OpenMessage): Promise<FrameStream>;
  /** Ends what is open, and renews no more. */
  close(end?: StreamEnd): void;
}

export interface SessionClient {
  /** @throws whatever `requestGrant` throws */
  begin(request: SessionRequest): Promise<ClientSession>;
  /** A session of one stream, which ends with it. */
  openSession(request: SessionRequest & { readonly open: OpenMessage }): Promise<FrameStream>;
  /** Gives everything up. */
  close(): Promise<void>;
}

/** The session's own parts. */
class Session implements ClientSession {
  readonly #streams = new Map<CarriedStream, FrameStream>();

  constructor(
    private readonly granting: Granting,
    private readonly carry: (onOver: () => void) => CarriedStream,
    private readonly onEmpty: () => void,
  ) {}

  get granted(): Granted {
    return this.granting.current;
  }

  async open(message: OpenMessage): Promise<FrameStream> {
    const stream = this.carry(() => {
      this.#streams.delete(stream);
      if (this.#streams.size === 0) this.onEmpty();
    });
    const frames = frameStream(stream.bytes);
    this.#streams.set(stream, frames);
    frames.sendJson(frameTypes.open, message);
    await stream.opened;
    return frames;
  }

  /** Tells the device of a newer grant, in a stream that can still be written to; without one, by another handshake. */
  renewed({ grant }: Granted) {
    for (const [{ bytes }, frames] of this.#streams) {
      if (bytes.isWritable && bytes.isAttached) return void frames.send(frameTypes.renew, Buffer.from(grant, 'latin1'));
    }
    const [first] = this.#streams.keys();
    first?.move();
  }

  leave(relay: string): void {
    for (const stream of this.#streams.keys()) stream.leave(relay);
  }

  refused(error: GrantRefused): void {
    for (const { bytes } of [...this.#streams.keys()])
      bytes.cut({ code: 'revoked', detail: error.message.slice(0, 200) });
  }

  close(end: StreamEnd = { code: 'cancelled' }): void {
    this.granting.close();
    for (const { bytes } of [...this.#streams.keys()]) bytes.cut(end);
  }
}

/**
 * The client's way to devices. One key pair for its life, which is on no disk; one carrier to each relay in use; streams that go on
 * over another relay when one is lost.
 *
 * @example
 * const client = sessionClient({ requestGrant: (request) => api.post(`/devices/${id}/sessions`, request), trust });
 * const stream = await client.openSession({ scope: { kind: 'shell' }, open: { kind: 'shell', terminal } });
 */
export function sessionClient(options: SessionClientOptions): SessionClient {
  const clientKey: KeyPair = nodePrimitives.generateKeyPair();
  const sessions = new Set<Session>();
  const lines = new RelayLines(options, options.agent ?? 'gatehouse', (relay) => {
    for (const session of sessions) session.leave(relay);
  });
  const start = async ({ scope, command, reason }: SessionRequest, isForOne: boolean): Promise<Session> => {
    const request = {
      scope,
      ...(command !== undefined && { command }),
      ...(reason !== undefined && { reason }),
      clientKey: Buffer.from(clientKey.public).toString('base64url'),
    };
    const granting = await Granting.begin(
      options.requestGrant,
      request,
      (granted) => session.renewed(granted),
      (error) => session.refused(error),
    );
    const end = () => {
      granting.close();
      sessions.delete(session);
    };
    const session = new Session(
      granting,
      (onOver) => new CarriedStream({ ...options, lines, granting, clientKey, onOver }),
      () => isForOne && end(),
    );
    sessions.add(session);
    return session;
  };
  return {
    begin: (request) => start(request, false),
    openSession: async (request) => {
      const session = await start(request, true);
      return session.open(request.open);
    },
    close: async () => {
      for (const session of sessions) session.close();
      sessions.clear();
      await new Promise((next) => setImmediate(next));
      await lines.close();
    },
  };
}
