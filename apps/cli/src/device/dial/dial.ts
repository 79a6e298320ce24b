import type { FrameStream, GrantScope, OpenMessage } from '@gatehouse/session';

export interface DialExtra {
  /** Of exec: what the grant is for, as it may be recorded. */
  readonly command?: string | readonly string[];
}

/**
 * Opens one stream to a device: a decision, a grant, a sealed channel that outlives its carrier. The `open` message is sent;
 * `accepted` or `error` is the first frame that comes. Callbacks are set in the turn in which the stream was got.
 *
 * @throws Failure denied, no such device, device offline, no relay within reach
 */
export type Dial = (scope: GrantScope, open: OpenMessage, extra?: DialExtra) => Promise<FrameStream>;
