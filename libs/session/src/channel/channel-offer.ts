import type { StreamEnd } from '@gatehouse/transport';
import { z } from 'zod';
import { maxGrantLength } from '../grants.js';

/** Both sides mix it in: a channel of another version does not come about. */
export const channelPrologue: Uint8Array = Buffer.from('gatehouse session v1', 'ascii');

/** The client's first payload, JSON. Whoever recorded it can send it again: nothing is done for it before the first record opens. */
export const channelOffer = z.object({
  v: z.literal(1),
  grant: z.string().max(maxGrantLength),
  /** Of the application stream that is opened or gone on with: one id for all its carriers. */
  stream: z.uuid(),
  /** What the client has of it, as its `ResumableStream` counts. */
  received: z.int().min(0),
  /**
   * What the device called its own run when this stream was first accepted. A device of another run knows nothing of the stream, and
   * must not take it for a new one: a command would run twice.
   */
  run: z.uuid().optional(),
});
export type ChannelOffer = z.infer<typeof channelOffer>;

const refusalCodes = [
  'bad_grant',
  'expired',
  'revoked',
  'limit',
  /** The stream is not known any more, and cannot be gone on with. */
  'gone',
  'protocol',
  'stopping',
] as const;
export type ChannelRefusal = (typeof refusalCodes)[number];

/** The device's payload, JSON. */
export const channelAnswer = z.union([
  z.object({ received: z.int().min(0), run: z.uuid() }),
  /** The stream was over, in order (`finished`) or with the reason that it gives. */
  z.object({ over: z.string().regex(/^[a-z][a-z_]{0,31}$/) }),
  z.object({ refused: z.enum(refusalCodes) }),
]);
export type ChannelAnswer = z.infer<typeof channelAnswer>;

/** How long either side waits for the other in a handshake. */
export const handshakeMs = 10_000;

export const timedOut: StreamEnd = { code: 'timeout', detail: 'no handshake in time' };
export const notAHandshake: StreamEnd = { code: 'protocol', detail: 'not a handshake' };
