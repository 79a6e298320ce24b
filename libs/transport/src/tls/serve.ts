import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { StreamReset } from '../byte-stream.js';
import type { Carrier } from '../carrier.js';
import type { Limits } from '../limits.js';
import { alpn, fingerprintOf } from '../trust.js';
import { Mux } from './mux.js';

export interface ServeOptions {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly limits: Limits;
  readonly maxHandshakes: number;
  readonly onCarrier: (carrier: Carrier) => void;
  /** A peer that never became a carrier. */
  readonly onRefused: (error: Error) => void;
}

/** From the connection to the peer's settings. */
const handshakeMs = 5_000;

/** Not yet listening. `setSecureContext` renews the certificate for those who come later. */
export function createTlsServer(options: ServeOptions): Server {
  const server = createServer({
    cert: options.certificate,
    key: options.key,
    ALPNProtocols: [alpn],
    minVersion: 'TLSv1.3',
    handshakeTimeout: handshakeMs,
  });
  const handshakes = new Handshakes(options);
  // 'connection' brings the TCP socket, 'secureConnection' the TLS one over it.
  server.on('connection', (socket: Socket) => handshakes.begin(socket));
  server.on('tlsClientError', (error) => options.onRefused(error));
  server.on('secureConnection', (socket) => welcome(socket, options, handshakes));
  return server;
}

/** Who has connected and is not yet a carrier: the oldest goes when there are too many, and each when its time is up. */
class Handshakes {
  readonly #sockets = new Map<string, { readonly socket: Socket; readonly timer: NodeJS.Timeout }>();

  constructor(private readonly options: ServeOptions) {}

  begin(socket: Socket): void {
    socket.on('error', () => {});
    const name = addressOf(socket);
    const timer = setTimeout(() => this.#drop(name, 'the handshake took too long'), handshakeMs);
    this.#sockets.set(name, { socket, timer });
    socket.once('close', () => this.done(name));
    if (this.#sockets.size <= this.options.maxHandshakes) return;
    const [oldest] = this.#sockets.keys();
    if (oldest !== undefined) this.#drop(oldest, 'too many handshakes at once');
  }

  done(name: string): void {
    clearTimeout(this.#sockets.get(name)?.timer);
    this.#sockets.delete(name);
  }

  #drop(name: string, detail: string): void {
    const pending = this.#sockets.get(name);
    this.done(name);
    pending?.socket.destroy();
    this.options.onRefused(new StreamReset({ code: 'limit', detail }));
  }
}

function welcome(socket: TLSSocket, options: ServeOptions, handshakes: Handshakes): void {
  const name = addressOf(socket);
  const own = socket.getCertificate();
  // A client that asks for no protocol at all gets this far.
  if (socket.alpnProtocol !== alpn || !own || !('raw' in own)) {
    socket.on('error', () => {});
    socket.destroy();
    options.onRefused(new StreamReset({ code: 'protocol', detail: `the client does not speak ${alpn}` }));
    return;
  }
  const mux: Mux = new Mux({
    socket,
    dialled: false,
    limits: options.limits,
    serverFingerprint: fingerprintOf(own.raw as Buffer),
    remoteAddress: name,
    onReady: () => {
      handshakes.done(name);
      options.onCarrier(mux);
    },
    onFailed: (end) => options.onRefused(new StreamReset(end)),
  });
}

/** `[::1]:443`, `192.0.2.1:443`. */
export function addressOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return hostPort(remoteAddress, remotePort);
}

export function hostPort(host: string, port: number): string {
  const plain = host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
