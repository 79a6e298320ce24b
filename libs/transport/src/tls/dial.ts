import { connect, type TLSSocket } from 'node:tls';
import { StreamReset } from '../byte-stream.js';
import type { Carrier, TlsTrust } from '../carrier.js';
import type { Limits } from '../limits.js';
import { alpn, authorities, fingerprintOf, needsChain, refusalOf, serverNameOf } from '../trust.js';
import { endWithAddress } from './local-address.js';
import { Mux } from './mux.js';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly trust: TlsTrust;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

/**
 * A carrier over TLS 1.3.
 *
 * @throws StreamReset `certificate`, `refused`, `unreachable`, `protocol`; the signal's reason when it is aborted
 */
export function dialTls(options: DialOptions): Promise<Carrier> {
  const { signal, trust } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const checked = needsChain(trust);
    const servername = serverNameOf(options.host);
    const socket = connect({
      host: options.host,
      port: options.port,
      ...(servername !== undefined && { servername }),
      ALPNProtocols: [alpn],
      minVersion: 'TLSv1.3',
      rejectUnauthorized: checked,
      // The name is looked at below, with the same eyes for both carriers.
      checkServerIdentity: () => undefined,
      ...(checked && { ca: authorities(trust) }),
    });
    const abort = () => fail(signal.reason);
    const fail = (error: unknown) => {
      signal.removeEventListener('abort', abort);
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onError = (error: NodeJS.ErrnoException) => fail(failureOf(error));
    const onClose = () => fail(new StreamReset({ code: 'refused', detail: 'closed during the handshake' }));
    signal.addEventListener('abort', abort);
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once('secureConnect', () => {
      socket.removeListener('error', onError);
      socket.removeListener('close', onClose);
      const refusal = refusalOfPeer(socket, options);
      if (refusal) return fail(refusal);
      const mux: Mux = new Mux({
        ...describe(socket, options),
        onReady: () => {
          signal.removeEventListener('abort', abort);
          endWithAddress(socket);
          resolve(mux);
        },
        onFailed: (end) => fail(new StreamReset(end)),
      });
    });
  });
}

function refusalOfPeer(socket: TLSSocket, { host, trust }: DialOptions): StreamReset | undefined {
  if (socket.alpnProtocol !== alpn)
    return new StreamReset({ code: 'protocol', detail: `the server does not speak ${alpn}` });
  const refusal = refusalOf(socket.getPeerCertificate().raw, host, trust);
  return refusal === undefined ? undefined : new StreamReset({ code: 'certificate', detail: refusal });
}

const describe = (socket: TLSSocket, { limits, host, port }: DialOptions) => ({
  socket,
  dialled: true,
  limits,
  serverFingerprint: fingerprintOf(socket.getPeerCertificate().raw),
  remoteAddress: `${host}:${port}`,
});

const unreachable = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH', 'ETIMEDOUT']);
/** Of Node and OpenSSL, where the chain does not hold. */
const certificateCodes = /CERT|^UNABLE_TO_|_CA$|^INVALID_PURPOSE$|HOSTNAME_MISMATCH/;

function failureOf(error: NodeJS.ErrnoException): StreamReset {
  const code = error.code ?? '';
  if (certificateCodes.test(code)) {
    return new StreamReset({ code: 'certificate', detail: `the server's certificate is not trusted (${code})` });
  }
  if (code.startsWith('ERR_SSL'))
    return new StreamReset({ code: 'protocol', detail: `no TLS 1.3 with the server (${code})` });
  return new StreamReset({
    code: unreachable.has(code) ? 'unreachable' : 'refused',
    detail: code || 'connection error',
  });
}
