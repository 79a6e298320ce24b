import { randomUUID } from 'node:crypto';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import {
  type FrameStream,
  frameTypes,
  type GrantClaims,
  type OpenMessage,
  type ServedSession,
  serveSessions,
  sessionClient,
  signGrant,
} from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import type { CarrierKind } from '@gatehouse/transport';
import type { benchDevices } from './bench-devices.js';

export type Who = Pick<GrantClaims, 'tenantId' | 'subject' | 'credential'>;
export type Bench = Awaited<ReturnType<typeof benchDevices>>;

/** What runs when it is cut: a shell, a forwarded port, a copy. */
const kinds = [
  {
    scope: { kind: 'shell' },
    action: 'device.shell',
    open: { kind: 'shell', terminal: { term: 'xterm', rows: 24, columns: 80 } },
  },
  {
    scope: { kind: 'forward', targets: ['tcp:127.0.0.1:80'] },
    action: 'device.forward',
    open: { kind: 'forward', target: 'tcp:127.0.0.1:80' },
  },
  { scope: { kind: 'files', paths: ['/data'], write: false }, action: 'device.files.read', open: { kind: 'files' } },
] as const satisfies readonly { scope: GrantClaims['scope']; action: string; open: OpenMessage }[];

/** A session of which bytes come without end, until somebody ends it. */
export interface Running {
  readonly frames: FrameStream;
  bytes: number;
  /** When either end heard that it is over, by a clock that only goes forward, and with which word the client did. */
  over: { readonly atMs: number; readonly code: string } | undefined;
  /** When its device heard. */
  endedAtMs: number | undefined;
}

/** Devices in this process: whatever is opened sends without end. */
export class Fleet {
  readonly #ended = new Map<string, number>();
  readonly #stops: (() => Promise<void>)[] = [];

  constructor(
    private readonly bench: Bench,
    private readonly relay: string,
    private readonly ca: string,
  ) {}

  endedAt(sid: string): number | undefined {
    return this.#ended.get(sid);
  }

  /** Resolves when it can be reached. */
  async serve(device: ApprovedDevice, carrier: CarrierKind): Promise<void> {
    const { d, x } = device.session.privateKey.export({ format: 'jwk' });
    const bytes = (text: unknown) => Buffer.from(String(text), 'base64url');
    await new Promise<void>((resolve) => {
      const server = serveSessions({
        deviceId: device.deviceId,
        agent: 'bench',
        identity: device.identity.privateKey,
        sessionKeys: [{ public: bytes(x), secret: bytes(d) }],
        grantKeys: this.bench.grantKeys,
        relays: [this.relay],
        carriers: [carrier],
        trust: { ca: this.ca },
        handlers: { shell: this.#pour, forward: this.#pour, files: this.#pour },
        onState: ({ status }) => status === 'online' && resolve(),
      });
      this.#stops.push(() => server.close('stopping'));
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()));
  }

  readonly #pour = ({ stream, grant, ended }: Pick<ServedSession, 'stream' | 'grant' | 'ended'>): void => {
    const chunk = Buffer.alloc(1_024, 7);
    stream.sendJson(frameTypes.accepted, {});
    // A hundred run beside each other: each a little all the time, and none of them a flood.
    const timer = setInterval(() => stream.send(frameTypes.data, chunk), 100);
    ended.addEventListener('abort', () => {
      clearInterval(timer);
      this.#ended.set(grant.sid, performance.now());
    });
  };
}

export interface Place {
  readonly bench: Bench;
  readonly relay: string;
  readonly ca: string;
  readonly fleet: Fleet;
}

/** One session, of which bytes come. */
export async function startSession(
  { bench, relay, ca, fleet }: Place,
  who: Who,
  device: ApprovedDevice,
  which: number,
  carrier: CarrierKind,
) {
  const { scope, action, open } = kinds[which % kinds.length] as (typeof kinds)[number];
  const sid = randomUUID();
  const client = sessionClient({
    trust: { ca },
    carriers: [carrier],
    requestGrant: async ({ clientKey }) => {
      const iat = Math.floor(Date.now() / 1_000);
      const claims = {
        ...{ jti: randomUUID(), sid, iss: 'gatehouse/registry', aud: device.deviceId, ...who, scope },
        ...{ actions: [action], decisions: [randomUUID()], cnf: { x25519: clientKey }, iat, exp: iat + 300 },
      } as unknown as GrantClaims;
      const sessionKey = String(device.session.publicKey.export({ format: 'jwk' }).x);
      return {
        grant: signGrant(claims, bench.grantKey),
        sessionId: sid,
        expiresAt: new Date(claims.exp * 1_000).toISOString(),
        device: { id: device.deviceId, name: 'bench', sessionKey },
        relays: [relay],
      };
    },
  });
  const frames = await client.openSession({ scope, open });
  const running: Running = {
    frames,
    bytes: 0,
    over: undefined,
    get endedAtMs() {
      return fleet.endedAt(sid);
    },
  };
  const end = (code: string) => {
    running.over ??= { atMs: performance.now(), code };
  };
  frames.onReset = ({ code }) => end(code);
  frames.onEnd = () => end('end');
  frames.onFrame = (type, payload) => {
    if (type === frameTypes.data) running.bytes += payload.byteLength;
  };
  await waitFor(() => running.bytes > 0, { timeoutMs: 30_000, message: 'bytes come' });
  return running;
}
