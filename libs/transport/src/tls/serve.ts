import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createSecureServer, type TLSSocket } from 'node:tls';
import { type StreamEnd, StreamReset } from '../byte-stream.js';
import type { Carrier } from '../carrier.js';
import { Handshakes } from '../handshakes.js';
import { addressOf } from '../host-port.js';
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

/** Not yet listening. */
export interface TlsServer {
  /** Of TCP. */
  readonly listener: Server;
  /** For those who come later. */
  renew(certificate: string, key: string): void;
  close(): void;
}

export function createTlsServer(options: ServeOptions): TlsServer {
  const { certificate: cert, key, maxHandshakes, onRefused } = options;
  const minVersion = 'TLSv1.3';
  const secure = createSecureServer({ cert, key, ALPNProtocols: [alpn], minVersion });
  const refuse = (socket: Socket, end: StreamEnd) => {
    socket.destroy();
    onRefused(new StreamReset(end));
  };
  const handshakes = new Handshakes<Socket>({
    most: maxHandshakes,
    begin: (socket) => {
      secure.emit('connection', socket);
      return { heard: () => socket.bytesRead, drop: (end) => refuse(socket, end) };
    },
    refuse,
  });
  secure.on('tlsClientError', (error) => onRefused(error));
  secure.on('secureConnection', (socket) => welcome(socket, options, handshakes));
  // Nothing is read of those who wait.
  const listener = createServer({ pauseOnConnect: true }, (socket) => {
    const name = addressOf(socket);
    const { remoteAddress } = socket;
    socket.on('error', () => {});
    socket.once('close', () => handshakes.done(name));
    // Without one it is gone already.
    if (remoteAddress === undefined) socket.destroy();
    else handshakes.arrive(name, remoteAddress, socket);
  });
  return {
    listener,
    renew: (renewed, renewedKey) => secure.setSecureContext({ cert: renewed, key: renewedKey, minVersion }),
    close: () => {
      listener.close();
      handshakes.close({ code: 'unavailable' });
    },
  };
}

function welcome(socket: TLSSocket, options: ServeOptions, handshakes: Handshakes<Socket>): void {
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
