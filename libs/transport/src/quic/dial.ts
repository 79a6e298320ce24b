import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { type StreamEnd, StreamReset } from '../byte-stream.js';
import type { Carrier } from '../carrier.js';
import { chainRefusal } from '../certificate-chain.js';
import type { DialOptions } from '../tls/dial.js';
import { alpn, authorities, needsChain, refusalOf, serverNameOf } from '../trust.js';
import { AddressWatch } from './address-watch.js';
import { closeQuietly, localOf, openSocket } from './client-socket.js';
import { clientConfig } from './config.js';
import { type Connection, type Host, loadQuiche, type Quiche } from './native.js';
import { Outlet } from './outlet.js';
import { idBytes } from './packets.js';
import { datagramFor } from './path-size.js';
import { QuicCarrier } from './quic-carrier.js';

/** The server's kernel says that nobody listens there any more: it has this long to prove otherwise. */
const doubtMs = 1_000;

/**
 * A carrier over QUIC.
 *
 * @throws StreamReset `certificate`, `refused`, `unreachable`, `protocol`, `timeout`; the signal's reason when it is aborted
 */
export async function dialQuic(options: DialOptions): Promise<Carrier> {
  const { signal } = options;
  const quiche = await loadQuiche();
  if (!quiche) throw new StreamReset({ code: 'unreachable', detail: 'no QUIC on this platform' });
  const remote = await addressOf(options);
  signal.throwIfAborted();
  const socket = await openSocket(remote);
  const datagram = await datagramFor(socket, options.limits.largestDatagram);
  if (signal.aborted) {
    closeQuietly(socket);
    throw signal.reason;
  }
  // From here on the socket is the carrier's, which closes it when it has said its last word.
  return handshake(quiche, options, socket, remote, datagram);
}

async function addressOf({ host, port }: DialOptions): Promise<Host> {
  try {
    return { host: (await lookup(host)).address, port };
  } catch {
    throw new StreamReset({ code: 'unreachable', detail: 'the name of the server is not known' });
  }
}

function handshake(
  quiche: Quiche,
  options: DialOptions,
  socket: Socket,
  remote: Host,
  datagram: number,
): Promise<Carrier> {
  const { host, limits, signal } = options;
  // Authorities of our own may be confined to names in a way that BoringSSL does not know: see `certificate-chain.ts`.
  const publicOnly = needsChain(options.trust) && options.trust.ca === undefined;
  const config = clientConfig(quiche, limits, publicOnly ? authorities(options.trust) : undefined, datagram);
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException) => {
      if (carrier.isEstablished) carrier.suspect(doubtMs);
      else void carrier.close({ code: 'refused', detail: error.code ?? 'nobody listens there' });
    };
    const abort = () => {
      void carrier.close({ code: 'cancelled' });
      reject(signal.reason);
    };
    const carrier: QuicCarrier = new QuicCarrier({
      quiche,
      connection: quiche.Connection.connect(
        serverNameOf(host) ?? null,
        randomBytes(idBytes),
        localOf(socket),
        remote,
        config,
      ),
      limits,
      dialled: true,
      local: localOf(socket),
      remote,
      outlet: new Outlet(socket, true, refused),
      check: (connection) => refusalOfPeer(connection, options),
      onReady: () => {
        signal.removeEventListener('abort', abort);
        resolve(carrier);
      },
      onFailed: (end) => {
        signal.removeEventListener('abort', abort);
        reject(new StreamReset(end));
      },
      onGone: () => watch.stop(),
    });
    const watch = new AddressWatch(carrier, socket, remote, refused);
    signal.addEventListener('abort', abort);
    carrier.start();
  });
}

function refusalOfPeer(connection: Connection, { host, trust }: DialOptions): StreamEnd | undefined {
  if (!Buffer.from(connection.applicationProto()).equals(Buffer.from(alpn))) {
    return { code: 'protocol', detail: `the server does not speak ${alpn}` };
  }
  const chain = connection.peerCertChain() ?? [];
  const detail =
    refusalOf(chain[0], host, trust) ??
    (needsChain(trust) && trust.ca !== undefined ? chainRefusal(chain, trust.ca) : undefined);
  return detail === undefined ? undefined : { code: 'certificate', detail };
}
