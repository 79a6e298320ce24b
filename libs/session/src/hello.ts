import { z } from 'zod';

/**
 * The first stream on a carrier, opened by whoever dialled, is its control stream. Messages on it are one JSON text each behind its
 * length in bytes (u32, big endian; at most 64 KiB). The server begins.
 */
const base64url = (bytes: number) => z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((bytes * 4) / 3)}}$`));

export const challenge = z.object({
  type: z.literal('challenge'),
  version: z.literal(1),
  relayId: z.string().max(64),
  nonce: base64url(32),
});

/** A client shows nothing here: each of its streams shows a grant. Devices and peers sign. */
export const hello = z.discriminatedUnion('role', [
  z.object({ type: z.literal('hello'), role: z.literal('client'), version: z.literal(1), agent: z.string().max(64) }),
  z.object({
    type: z.literal('hello'),
    role: z.literal('device'),
    version: z.literal(1),
    agent: z.string().max(64),
    deviceId: z.string().max(64),
    /** Ed25519 by the device's identity key over `helloText`. */
    signature: base64url(64),
  }),
  z.object({
    type: z.literal('hello'),
    role: z.literal('relay'),
    version: z.literal(1),
    relayId: z.string().max(64),
    /** Ed25519 by the key that the replicas share. */
    signature: base64url(64),
  }),
]);
export type Hello = z.infer<typeof hello>;

/**
 * What is signed: bound to the nonce and to the certificate that the signer saw, so that nobody in between can hand it on.
 *
 * @param serverFingerprint SHA-256 of the server's leaf certificate, hex
 */
export const helloText = (role: 'device' | 'relay', id: string, nonce: string, serverFingerprint: string): string =>
  `gatehouse ${role} hello v1\n${id}\n${nonce}\n${serverFingerprint}\n`;

/** Relay to whoever dialled: it is in. `tunnelId` names this tunnel; a later one of the same device replaces it. */
export const welcome = z.object({ type: z.literal('welcome'), tunnelId: z.uuid().optional() });
/** Relay to whoever dialled: why not, and whether trying again may help. */
export const refused = z.object({
  type: z.literal('refused'),
  code: z.enum([
    'unknown_device',
    'bad_signature',
    'not_approved',
    'limit',
    'version',
    'unavailable',
    'replaced',
    'removed',
  ]),
  retryAfterMs: z.int().optional(),
});

/** Later on the control stream, relay to device: this session is over, whatever its stream does. */
export const endSession = z.object({ type: z.literal('end_session'), sid: z.uuid(), code: z.string().max(32) });
/** Relay to device or client: it will stop; dial another one, streams go on from where they are. */
export const goAway = z.object({ type: z.literal('go_away'), afterMs: z.int() });
/** Device to relay: what became of a session, signed by nobody else: evidence of the device's own. */
export const sessionReport = z.object({
  type: z.literal('session_report'),
  sid: z.uuid(),
  /** Counts the reports of one run of the device: see `reportsTaken`. */
  n: z.int().min(1).optional(),
  event: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('exit'), code: z.int().nullable(), signal: z.string().max(16).nullable() }),
    z.object({
      kind: z.literal('recording_chunk'),
      index: z.int().min(0),
      bytes: z.int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
    z.object({ kind: z.literal('recording_closed'), chunks: z.int().min(0), truncated: z.boolean() }),
    z.object({ kind: z.literal('refused'), code: z.string().max(32) }),
  ]),
});
export type SessionReport = z.infer<typeof sessionReport>;
/** Relay to device: these are recorded. What was not is told again over the next tunnel, so a relay must know repetitions. */
export const reportsTaken = z.object({ type: z.literal('reports_taken'), n: z.int().min(1) });

/** First message of every other stream of a client, and of those that a relay opens to a device or a peer. */
export const openSession = z.object({
  type: z.literal('open'),
  /** The signed grant: the relay reads it, the device reads its own copy within the sealed channel. */
  grant: z.string().max(8_192),
  /** Of the client, as the first relay saw it; set by relays. */
  source: z.string().max(64).optional(),
});
export type OpenSession = z.infer<typeof openSession>;
/** The answer, before the first byte of the channel: relay to client. */
export const opened = z.discriminatedUnion('type', [
  z.object({ type: z.literal('opened') }),
  z.object({
    type: z.literal('refused'),
    code: z.enum(['bad_grant', 'expired', 'device_offline', 'revoked', 'limit', 'unavailable', 'wrong_device']),
    retryAfterMs: z.int().optional(),
  }),
]);
