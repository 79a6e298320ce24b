import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { StreamReset } from './byte-stream.js';
import type { Carrier, CarrierKind, Listener, ListenOptions } from './carrier.js';
import { completeLimits } from './limits.js';
import { loadQuiche, type Quiche } from './quic/native.js';
import { QuicServer } from './quic/server.js';
import { createTlsServer, type ServeOptions } from './tls/serve.js';

/** Tries of port 0 until a number is free for TCP and UDP. */
const portTries = 16;
/** Of `onError`: more is only counted. */
const errorsPerSecond = 10;

/**
 * Takes carriers on one port number: QUIC over UDP, TLS 1.3 over TCP.
 *
 * @throws Error of the system when the port can't be had or the key does not fit the certificate; nothing is left open then
 * @example const listener = await listen({ host: '::', port: 443, certificate, key, onCarrier: (carrier) => serve(carrier) });
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const quiche = await loadQuiche();
  const kinds = (options.carriers ?? ['quic', 'tls']).filter((kind) => kind !== 'quic' || quiche);
  if (kinds.length === 0)
    throw new StreamReset({ code: 'unreachable', detail: 'no carrier to listen for on this platform' });
  for (let tries = 1; ; tries++) {
    try {
      return await listenOnce(options, kinds, quiche);
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!taken || options.port !== 0 || tries === portTries) throw error;
    }
  }
}

async function listenOnce(
  options: ListenOptions,
  kinds: readonly CarrierKind[],
  quiche: Quiche | undefined,
): Promise<Listener> {
  const counts = { carriers: 0, refused: 0 };
  const serveOptions = serving(options, counts);
  const tls = kinds.includes('tls') ? createTlsServer(serveOptions) : undefined;
  const quic = quiche && kinds.includes('quic') ? new QuicServer(quiche, serveOptions, options.host) : undefined;
  try {
    if (tls) await bindTls(tls.listener, options.host, options.port);
    const bound = tls ? (tls.listener.address() as AddressInfo).port : options.port;
    const port = quic ? await quic.bind(options.host, bound) : bound;
    return {
      port,
      renew: (certificate, key) => {
        tls?.renew(certificate, key);
        quic?.renew(certificate, key);
      },
      close: async () => {
        tls?.close();
        await quic?.close();
      },
      stats: () => ({ ...counts }),
    };
  } catch (error) {
    tls?.close();
    await quic?.close();
    throw error;
  }
}

async function bindTls(server: Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  server.on('error', () => {});
}

function serving(options: ListenOptions, counts: { carriers: number; refused: number }): ServeOptions {
  let second = 0;
  let told = 0;
  return {
    certificate: options.certificate,
    key: options.key,
    limits: completeLimits(options.limits),
    maxHandshakes: options.maxHandshakes ?? 256,
    onCarrier: (carrier: Carrier) => {
      counts.carriers++;
      options.onCarrier(carrier);
    },
    onRefused: (error) => {
      counts.refused++;
      const now = Math.floor(performance.now() / 1_000);
      if (now !== second) told = 0;
      second = now;
      if (told++ < errorsPerSecond) options.onError?.(error);
    },
  };
}
