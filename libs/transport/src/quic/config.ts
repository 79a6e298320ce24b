import type { Limits } from '../limits.js';
import { alpn } from '../trust.js';
import type { Config, Quiche } from './native.js';
import { noteWindow } from './reset-notes.js';

/** What BoringSSL has; without Ed448, which OpenSSL would offer. */
const signatures = [
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp521r1_sha512',
  'ed25519',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
].join(':');

/** Ids that each side keeps of the other: one is used up by each change of address. */
const spareIds = 16;
/** Datagrams unless the path is known to take more. */
export const usualDatagram = 1_350;
/** Every path of QUIC takes it, or the handshake fails (RFC 9000 14). */
export const smallestDatagram = 1_200;

function configure(quiche: Quiche, config: Config, limits: Limits, sent: number, received: number): Config {
  config.setApplicationProtos([alpn]);
  config.setMaxIdleTimeout(limits.idleMs);
  config.setMaxSendUdpPayloadSize(sent);
  config.setMaxRecvUdpPayloadSize(received);
  // Without bound for all streams together: quiche 0.18 does not give back what streams that were given up had unread, so that a
  // bound is used up for ever after some of them. Each stream has its own.
  config.setInitialMaxData(Number.MAX_SAFE_INTEGER);
  config.setInitialMaxStreamDataBidiLocal(limits.streamWindow);
  config.setInitialMaxStreamDataBidiRemote(limits.streamWindow);
  config.setInitialMaxStreamDataUni(noteWindow);
  config.setMaxStreamWindow(limits.streamWindow);
  config.setInitialMaxStreamsBidi(limits.streams);
  // Of `ResetNotes`.
  config.setInitialMaxStreamsUni(1);
  config.setActiveConnectionIdLimit(spareIds);
  config.setDisableActiveMigration(false);
  config.setCcAlgorithm(quiche.CongestionControlAlgorithm.BBR);
  config.enableHystart(true);
  // The binding does not say when a packet is due, so there is no pacing to be had from it; see the README.
  config.enablePacing(false);
  // Early data is off unless it is asked for; a first flight can be replayed.
  return config;
}

export const serverConfig = (quiche: Quiche, limits: Limits, certificate: string, key: string): Config =>
  configure(
    quiche,
    quiche.Config.withBoringSslCtx(false, false, null, [Buffer.from(key)], [Buffer.from(certificate)], signatures),
    limits,
    limits.largestDatagram,
    limits.largestDatagram,
  );

/**
 * @param ca PEM of those who may vouch for the server. Undefined: BoringSSL checks that the server holds the key of the certificate
 *   it shows, and nothing else; whether we trust that is for the caller to look at
 */
export const clientConfig = (quiche: Quiche, limits: Limits, ca: string | undefined, datagram: number): Config =>
  configure(
    quiche,
    quiche.Config.withBoringSslCtx(
      ca !== undefined,
      false,
      ca === undefined ? null : Buffer.from(ca),
      null,
      null,
      signatures,
    ),
    limits,
    datagram,
    datagram,
  );
