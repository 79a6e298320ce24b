import type { StreamEnd } from '@gatehouse/transport';
import type { GrantClaims } from './grant.js';
import type { SessionReport } from './hello.js';
import type { FrameType, OpenMessage } from './messages.js';

/** Frames both ways over a sealed stream that outlives its carrier. The rules of `ByteStream` hold: see there. */
export interface FrameStream {
  /** The payload's memory is the callee's only during the call. */
  onFrame: (type: FrameType, payload: Uint8Array) => void;
  onEnd: () => void;
  onReset: (end: StreamEnd) => void;
  onDrain: () => void;
  /** At most `maxFrameBytes`. False: wait for `onDrain` before sending more. */
  send(type: FrameType, payload: Uint8Array): boolean;
  sendJson(type: FrameType, value: unknown): boolean;
  end(): void;
  reset(end: StreamEnd): void;
  pause(): void;
  resume(): void;
}

/** A session as the device serves it: the grant was verified, and `open` is within it. */
export interface ServedSession<Kind extends OpenMessage['kind'] = OpenMessage['kind']> {
  readonly grant: GrantClaims;
  readonly open: Extract<OpenMessage, { kind: Kind }>;
  /** `accepted` or `error` has still to be sent; the `open` frame is not among those that come. */
  readonly stream: FrameStream;
  /** Of the client, as the relay says: evidence, nothing to decide by. */
  readonly source: string | undefined;
  /** Aborted when the session is over for whatever reason: revoked, expired, broken beyond resumption. Everything it started is ended then. */
  readonly ended: AbortSignal;
  /** Tells the relay, and through it the ledger. Kept and sent again until a relay took it. */
  report(event: SessionReport['event']): void;
}

export type SessionHandlers = { readonly [Kind in OpenMessage['kind']]?: (session: ServedSession<Kind>) => void };
