import { createPrivateKey, createPublicKey, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import {
  frameTypes,
  type GrantClaims,
  type GrantKey,
  serveSessions,
  sessionClient,
  signGrant,
} from '@gatehouse/session';
import {
  type ByteStream,
  type CarrierKind,
  type ConnectOptions,
  connect,
  fromDuplex,
  listen,
} from '@gatehouse/transport';
import { type BenchStream, ofByteStream, ofFrames } from './bench-stream.js';
import { dialClasses, ofClasses, takeClasses } from './quic-classes.js';
import { dialRaw } from './raw-quic.js';
import { acceptSealed, openSealed, type SessionKey } from './sealed.js';

/** How client and device come together. All are on this machine. */
export type Way =
  | CarrierWay
  /** Without anything in between: the device listens. */
  | DirectWay
  | { readonly kind: 'raw'; readonly port: number; readonly datagram: number }
  | { readonly kind: 'classes'; readonly port: number }
  | { readonly kind: 'tls'; readonly port: number; readonly ca: string; readonly sockets: number }
  | { readonly kind: 'tcp'; readonly port: number; readonly devicePort: number }
  | (SessionWay & { readonly kind: 'session' });

interface DirectWay extends Omit<CarrierWay, 'kind'> {
  readonly kind: 'direct';
  readonly certificate: string;
  readonly key: string;
  /** Sealed end to end, as a session is, with this key of the device's. */
  readonly seal?: SessionKey;
}

interface CarrierWay {
  readonly kind: 'carrier';
  readonly carrier: CarrierKind;
  readonly port: number;
  readonly ca: string;
  /** QUIC: as large as the path takes, unless given. */
  readonly datagram?: number;
}

export interface SessionWay {
  readonly carrier: CarrierKind;
  readonly datagram?: number;
  readonly relay: string;
  readonly ca: string;
  readonly deviceId: string;
  /** PKCS 8, PEM. */
  readonly identity: string;
  /** Base64url. */
  readonly sessionSecret: string;
  readonly sessionKey: string;
  readonly grantKeys: readonly GrantKey[];
  /** PKCS 8, PEM: of the registry, whose part the benchmark plays. */
  readonly grantKey: string;
  readonly claims: object;
}

const limitsOf = ({ datagram }: { readonly datagram?: number }) => ({
  streams: 4_096,
  ...(datagram !== undefined && { largestDatagram: datagram }),
});

/** As `connect` of libs/transport, with smaller datagrams where that is asked for. */
const dialling =
  ({ datagram }: SessionWay) =>
  (options: ConnectOptions) =>
    connect({ ...options, ...(datagram !== undefined && { limits: { largestDatagram: datagram } }) });

const carried = async (way: Omit<CarrierWay, 'kind'>) =>
  connect({
    host: '127.0.0.1',
    port: way.port,
    carriers: [way.carrier],
    trust: { ca: readFileSync(way.ca, 'utf8') },
    limits: limitsOf(way),
  });

const tlsSocket = (port: number, ca: string, role: string): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: readFileSync(ca),
      minVersion: 'TLSv1.3',
    });
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.once('secureConnect', () => {
      socket.write(role);
      resolve(socket);
    });
  });

const ofSocket = (socket: net.Socket): BenchStream => ofByteStream(fromDuplex(socket));

/** The device: whatever comes is handed to `onStream`. Resolves when it can be reached. */
export async function beDevice(way: Way, onStream: (stream: BenchStream) => void): Promise<void> {
  if (way.kind === 'carrier') {
    const carrier = await carried(way);
    carrier.onStream = (stream: ByteStream) => onStream(ofByteStream(stream));
    carrier.onClose = () => process.exit(0);
    // Whoever dials first is the device.
    carrier.open().write(Buffer.from('d'));
  } else if (way.kind === 'direct') {
    await listen({
      host: '127.0.0.1',
      port: way.port,
      certificate: readFileSync(way.certificate, 'utf8'),
      key: readFileSync(way.key, 'utf8'),
      carriers: [way.carrier],
      onCarrier: (carrier) => {
        const { seal } = way;
        carrier.onStream = (stream) => {
          if (seal) acceptSealed(stream, seal, (frames) => onStream(ofFrames(frames)));
          else onStream(ofByteStream(stream));
        };
      },
    });
  } else if (way.kind === 'raw') {
    const raw = await dialRaw(way.port, way.datagram);
    raw.onStream = onStream;
  } else if (way.kind === 'classes') takeClasses(await dialClasses(way.port), onStream);
  else if (way.kind === 'tls') {
    // Each is good for one client: then another takes its place.
    const dial = async () => {
      const socket = await tlsSocket(way.port, way.ca, 'd');
      socket.once('close', dial);
      onStream(ofSocket(socket));
    };
    for (let i = 0; i < way.sockets; i++) await dial();
  } else if (way.kind === 'tcp') {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => onStream(ofSocket(socket)));
    await new Promise<void>((resolve) => server.listen(way.devicePort, '127.0.0.1', resolve));
  } else await serveDevice(way, onStream);
}

function serveDevice(way: SessionWay, onStream: (stream: BenchStream) => void): Promise<void> {
  return new Promise((resolve) => {
    serveSessions({
      deviceId: way.deviceId,
      agent: 'bench',
      identity: createPrivateKey(way.identity),
      sessionKeys: [
        { public: Buffer.from(way.sessionKey, 'base64url'), secret: Buffer.from(way.sessionSecret, 'base64url') },
      ],
      grantKeys: way.grantKeys,
      relays: [way.relay],
      carriers: [way.carrier],
      trust: { ca: readFileSync(way.ca, 'utf8') },
      connect: dialling(way),
      limits: { streamsPerSession: 4_096, streams: 65_536 },
      handlers: {
        forward: ({ stream }) => {
          stream.sendJson(frameTypes.accepted, {});
          onStream(ofFrames(stream));
        },
        exec: ({ stream, report }) => {
          stream.sendJson(frameTypes.accepted, {});
          stream.sendJson(frameTypes.exit, { code: 0, signal: null });
          stream.onFrame = () => undefined;
          stream.end();
          report({ kind: 'exit', code: 0, signal: null });
        },
      },
      onState: ({ status }) => status === 'online' && resolve(),
    });
  });
}

export type Open = () => Promise<BenchStream>;

/** The client's way to streams. */
export async function beClient(way: Way): Promise<Open> {
  if (way.kind === 'raw') {
    const raw = await dialRaw(way.port, way.datagram);
    return async () => raw.open();
  }
  if (way.kind === 'classes') {
    const connection = await dialClasses(way.port);
    return async () => ofClasses(connection.newStream());
  }
  if (way.kind === 'carrier' || way.kind === 'direct') {
    const carrier = await carried(way);
    const seal = way.kind === 'direct' ? way.seal : undefined;
    if (seal) return async () => ofFrames(await openSealed(carrier.open(), seal));
    return async () => ofByteStream(carrier.open());
  }
  if (way.kind === 'tls') return async () => ofSocket(await tlsSocket(way.port, way.ca, 'c'));
  if (way.kind === 'tcp')
    return () =>
      new Promise((resolve, reject) => {
        const socket = net.connect({ port: way.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
        socket.once('error', reject).once('connect', () => resolve(ofSocket(socket)));
      });
  const target = 'tcp:127.0.0.1:1';
  const client = sessionsOf(way);
  const session = await client.begin({ scope: { kind: 'forward', targets: [target] } });
  return async () => ofFrames(await session.open({ kind: 'forward', target }));
}

export function sessionsOf(way: SessionWay) {
  const privateKey = createPrivateKey(way.grantKey);
  const key = { privateKey, publicKey: createPublicKey(privateKey) };
  return sessionClient({
    trust: { ca: readFileSync(way.ca, 'utf8') },
    carriers: [way.carrier],
    connect: dialling(way),
    requestGrant: async ({ clientKey, scope }) => {
      const now = Math.floor(Date.now() / 1_000);
      const sid = randomUUID();
      const given = {
        ...way.claims,
        jti: randomUUID(),
        sid,
        scope,
        cnf: { x25519: clientKey },
        iat: now,
        exp: now + 600,
      };
      return {
        grant: signGrant(given as unknown as GrantClaims, key),
        sessionId: sid,
        expiresAt: new Date((now + 600) * 1_000).toISOString(),
        device: { id: way.deviceId, name: 'bench', sessionKey: way.sessionKey },
        relays: [way.relay],
      };
    },
  });
}
