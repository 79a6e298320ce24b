import { z } from 'zod';
import { entity } from '../policy/events.js';

const deviceId = z.uuid();
const sessionId = z.uuid();

/** A device is connected here; an earlier tunnel of it is replaced by this event alone. */
export const tunnelOpened = z.object({
  deviceId,
  tunnelId: z.uuid(),
  relayId: z.string(),
  /** Where peers reach that relay: `host:port`. */
  relayAddress: z.string(),
  carrier: z.enum(['quic', 'tls']),
});
/** Says nothing of a tunnel with another id. `lost`: it was not heard of any more. */
export const tunnelClosed = z.object({
  deviceId,
  tunnelId: z.uuid(),
  reason: z.enum(['closed', 'lost', 'replaced', 'removed', 'relay_stopped', 'limit', 'protocol']),
});

export const deviceSessionStarted = z.object({
  sessionId,
  grantId: z.uuid(),
  deviceId,
  subject: entity,
  kind: z.string(),
  decisions: z.array(z.string()),
  /** Of the client; a pseudonym where it may be a person's. */
  source: z.string().optional(),
  relayId: z.string(),
});
/** The client came back, to this relay or another one; what went before and after is one session. */
export const deviceSessionResumed = z.object({ sessionId, deviceId, relayId: z.string() });
export const deviceSessionEnded = z.object({
  sessionId,
  deviceId,
  /** `closed` by its own end; `revoked`, `expired`, `device_lost`, `client_lost`, `removed`, `limit`, `relay_stopped`, ... */
  reason: z.string().max(32),
  /** What exec or a shell ended with, as the device told. */
  exit: z.object({ code: z.int().nullable(), signal: z.string().nullable() }).optional(),
  /** Ciphertext that went through, both ways. Absent: nobody knows, since a relay that carried some of it is gone. */
  bytesIn: z.number().optional(),
  bytesOut: z.number().optional(),
  durationMs: z.number(),
});
/** Decided again after facts changed, and denied: that decision, and what was cut. */
export const deviceSessionRevoked = z.object({
  sessionId,
  deviceId,
  decision: z.string().optional(),
  cause: z.string().max(64),
});

/** The device itself would not, though it was decided: its own reading of the grant, or somebody who sits at it. */
export const deviceSessionRefused = z.object({ sessionId, deviceId, code: z.string().max(32) });

/** One chunk of a recording is fixed on the device: from here on it cannot be another one. */
export const recordingChunk = z.object({
  sessionId,
  deviceId,
  index: z.int(),
  bytes: z.int(),
  sha256: z.string(),
});
export const recordingClosed = z.object({ sessionId, deviceId, chunks: z.int() });
/** The device went away, or could not go on: the chunks that were told are all there is. */
export const recordingTruncated = z.object({ sessionId, deviceId, chunks: z.int() });

export const relayEvents = {
  'tunnel.opened': tunnelOpened,
  'tunnel.closed': tunnelClosed,
  'device.session.started': deviceSessionStarted,
  'device.session.resumed': deviceSessionResumed,
  'device.session.ended': deviceSessionEnded,
  'device.session.revoked': deviceSessionRevoked,
  'device.session.refused': deviceSessionRefused,
  'recording.chunk_recorded': recordingChunk,
  'recording.closed': recordingClosed,
  'recording.truncated': recordingTruncated,
} as const;
