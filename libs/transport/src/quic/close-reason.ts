import type { StreamEnd } from '../byte-stream.js';
import { decodeReason } from '../stream-end.js';
import type { Connection } from './native.js';
import { resetCode } from './reset-codes.js';

/** Why a connection is draining or closed, by whomever. */
export function closeReason(connection: Connection): StreamEnd {
  if (connection.isTimedOut()) return { code: 'timeout', detail: 'nothing was heard of the peer' };
  const peers = connection.peerError();
  if (peers?.isApp) return decodeReason(peers.reason) ?? { code: resetCode(peers.errorCode) };
  if (peers) return { code: 'lost', detail: `the peer closed the connection (QUIC error ${peers.errorCode})` };
  const own = connection.localError();
  if (own?.isApp) return decodeReason(own.reason) ?? { code: 'protocol' };
  if (own && isCertificateAlert(own.errorCode)) {
    return { code: 'certificate', detail: `the server's certificate is not trusted (alert ${own.errorCode - 256})` };
  }
  if (own) return { code: 'protocol', detail: `QUIC error ${own.errorCode}` };
  return { code: 'lost', detail: 'the peer has forgotten the connection' };
}

/** TLS alerts 42 to 48, as QUIC numbers them (RFC 9001 4.8). */
const isCertificateAlert = (code: number): boolean => code >= 0x100 + 42 && code <= 0x100 + 48;
