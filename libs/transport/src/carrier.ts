import type { ByteStream, StreamEnd } from './byte-stream.js';

export type CarrierKind = 'quic' | 'tls';

/** One connection between two neighbours - device and relay, client and relay, relay and relay - with many streams on it. */
export interface Carrier {
  readonly kind: CarrierKind;
  /** `host:port` of the peer as it is now; with QUIC it may change. */
  readonly remoteAddress: string;
  /** SHA-256 of the server's leaf certificate, hex: what a signature over this connection is bound to, on both sides the same. */
  readonly serverFingerprint: string;
  /** The peer opened a stream. Set in the turn in which the carrier was got. */
  onStream: (stream: ByteStream) => void;
  /** Once: after it no stream is alive, each got its own `onReset` before. */
  onClose: (end: StreamEnd) => void;
  /** Once, if ever: it will end within a minute, and what goes over it should go over another one by then. Unless somebody listens, it ends. */
  onWorn: (() => void) | undefined;
  /** @throws StreamReset `limit` when the peer allows no more at the moment, `closed` afterwards */
  open(): ByteStream;
  /** Ends every stream and the connection, and tells the peer why. Resolves when the peer knows or half a second went by. */
  close(end: StreamEnd): Promise<void>;
  stats(): CarrierStats;
}

export interface CarrierStats {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly streams: number;
  /** Smoothed; undefined where the carrier does not know. */
  readonly rttMs?: number;
  readonly lostPackets?: number;
}

export interface TlsTrust {
  /** PEM; the system's authorities unless given. */
  readonly ca?: string;
  /** SHA-256 of the leaf certificate, hex: then nothing else counts. */
  readonly pin?: string;
  /** For development alone; the caller warns. */
  readonly trustAnything?: boolean;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly trust?: TlsTrust;
  /** Raced in this order with a head start for the first; both unless given. */
  readonly carriers?: readonly CarrierKind[];
  /** How long QUIC may try alone before TLS starts, too; 250 ms unless given. */
  readonly headStartMs?: number;
  /** For the whole race; 10 s unless given. */
  readonly timeoutMs?: number;
  readonly limits?: CarrierLimits;
  readonly signal?: AbortSignal;
}

export interface CarrierLimits {
  /** Streams that the peer may have open at once; 1,024 unless given. */
  readonly streams?: number;
  /** Bytes that may wait unread in one stream; 1 MiB unless given. */
  readonly streamWindow?: number;
  /** TLS: bytes that may wait unread in all streams together; 16 MiB unless given. Over QUIC each stream has its window, and that is all. */
  readonly connectionWindow?: number;
  /** Nothing heard for so long: the connection is lost; 10 s unless given. */
  readonly idleMs?: number;
  /** Something is sent after so long a silence; 3 s unless given. */
  readonly keepAliveMs?: number;
  /** QUIC: the largest datagram that is tried, if the path takes it; 16,383 bytes unless given. */
  readonly largestDatagram?: number;
}

export interface ListenOptions {
  readonly host: string;
  /** The same number for UDP and TCP. 0: one that is free in both. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly carriers?: readonly CarrierKind[];
  readonly limits?: CarrierLimits;
  /** Handshakes under way at once: others wait in line, and take the place of who says nothing; 256 unless given. */
  readonly maxHandshakes?: number;
  readonly onCarrier: (carrier: Carrier) => void;
  /** What went wrong with a peer that never became a carrier; rate limited by the listener. */
  readonly onError?: (error: Error) => void;
}

export interface Listener {
  readonly port: number;
  /** Presents this certificate from now on; what is connected stays. */
  renew(certificate: string, key: string): void;
  /** Takes nobody any more; carriers stay until they are closed. */
  close(): Promise<void>;
  readonly stats: () => { readonly carriers: number; readonly refused: number };
}
