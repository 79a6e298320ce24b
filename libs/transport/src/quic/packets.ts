import { createHmac, randomBytes } from 'node:crypto';

/** Of every connection id that we choose. */
export const idBytes = 16;
export const quicVersion = 1;
/** A client's first datagram is at least so large, or it is thrown away (RFC 9000 14.1). */
export const leastInitial = 1_200;
const maxIdBytes = 20;

/** What all versions of QUIC share of a packet with a long header (RFC 8999 5.1), and the token of an Initial of version 1. */
export interface LongHeader {
  readonly version: number;
  readonly destination: Buffer;
  readonly source: Buffer;
  readonly isInitial: boolean;
  /** Of an Initial; empty: none. */
  readonly token: Buffer;
}

export const isLong = (packet: Buffer): boolean => ((packet[0] ?? 0) & 0x80) !== 0;

/** The id that a packet is for, as a key of a map. Undefined: too short to have one. */
export function routeOf(packet: Buffer): string | undefined {
  if (!isLong(packet)) return packet.length > idBytes ? packet.toString('latin1', 1, 1 + idBytes) : undefined;
  const length = packet[5] ?? 255;
  return length <= maxIdBytes && packet.length > 6 + length ? packet.toString('latin1', 6, 6 + length) : undefined;
}

/** Undefined: not a packet with a long header. The buffers are copies. */
export function parseLong(packet: Buffer): LongHeader | undefined {
  if (packet.length < 7 || !isLong(packet)) return undefined;
  const version = packet.readUInt32BE(1);
  const destinationEnd = 6 + (packet[5] ?? 0);
  const sourceEnd = destinationEnd + 1 + (packet[destinationEnd] ?? 255);
  if (destinationEnd - 6 > maxIdBytes || sourceEnd - destinationEnd - 1 > maxIdBytes || sourceEnd >= packet.length) {
    return undefined;
  }
  const isInitial = version === quicVersion && ((packet[0] ?? 0) & 0x30) === 0;
  const token = isInitial ? tokenAt(packet, sourceEnd) : Buffer.alloc(0);
  if (!token) return undefined;
  return {
    version,
    destination: Buffer.from(packet.subarray(6, destinationEnd)),
    source: Buffer.from(packet.subarray(destinationEnd + 1, sourceEnd)),
    isInitial,
    token,
  };
}

function tokenAt(packet: Buffer, at: number): Buffer | undefined {
  const first = packet[at] ?? 0;
  const bytes = 1 << (first >> 6);
  // Tokens of ours are short: a length of 4 or 8 bytes is none of ours.
  if (bytes > 2 || at + bytes > packet.length) return undefined;
  const length = bytes === 1 ? first : packet.readUInt16BE(at) & 0x3fff;
  const from = at + bytes;
  return from + length <= packet.length ? Buffer.from(packet.subarray(from, from + length)) : undefined;
}

/**
 * A Version Negotiation packet (RFC 9000 17.2.1), filled up with versions reserved for that purpose (15) to `length`: what asks how
 * large a datagram the path takes gets as much back.
 */
export function versionNegotiation(to: LongHeader, length: number): Buffer {
  const head = 7 + to.source.length + to.destination.length;
  const count = Math.max(1, Math.floor((length - head) / 4));
  const packet = Buffer.alloc(head + count * 4, 0x1a);
  packet[0] = 0x80 | (randomBytes(1)[0] ?? 0);
  packet.writeUInt32BE(0, 1);
  packet[5] = to.source.length;
  to.source.copy(packet, 6);
  packet[6 + to.source.length] = to.destination.length;
  to.destination.copy(packet, 7 + to.source.length);
  packet.writeUInt32BE(quicVersion, head);
  for (let at = head + 4; at < packet.length; at += 4) packet.writeUInt32BE(0x1a2a3a4a, at);
  return packet;
}

/** A packet of a version that nobody speaks: whoever listens answers with {@link versionNegotiation}, and keeps nothing. */
export function versionProbe(destination: Buffer, source: Buffer, length: number): Buffer {
  const packet = Buffer.alloc(length);
  packet[0] = 0xc0;
  packet.writeUInt32BE(0x5a6a7a8a, 1);
  packet[5] = destination.length;
  destination.copy(packet, 6);
  packet[6 + destination.length] = source.length;
  source.copy(packet, 7 + destination.length);
  return packet;
}

/** 16 bytes that let us end a connection which we forgot (RFC 9000 10.3), for one id of ours. */
export const resetToken = (key: Buffer, id: Buffer): Buffer =>
  createHmac('sha256', key).update('reset').update(id).digest().subarray(0, 16);

export const asBigInt = (token: Buffer): bigint => BigInt(`0x${token.toString('hex')}`);

/** Looks like any packet of a connection; always shorter than what it answers, so that two of us never answer each other for ever. */
export function statelessReset(key: Buffer, id: Buffer, answered: number): Buffer | undefined {
  const length = Math.min(answered - 1, 64);
  if (length < 38) return undefined;
  const packet = randomBytes(length);
  packet[0] = 0x40 | ((packet[0] ?? 0) & 0x3f);
  resetToken(key, id).copy(packet, length - 16);
  return packet;
}
