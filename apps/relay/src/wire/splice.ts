import { type ByteStream, type Pipe, pipe, type StreamEnd } from '@gatehouse/transport';
import type { Released } from './held-stream.js';

/** How it ended: both sides were done, or one of them gave it up. */
export type SpliceEnd =
  | { readonly by: 'both' }
  | { readonly by: 'client' | 'device' | 'relay'; readonly end: StreamEnd };

/** Words of a stream's end that mean that somebody went away, and may come back. */
const losses: ReadonlySet<string> = new Set([
  'lost',
  'closed',
  'timeout',
  'unavailable',
  'internal',
  'replaced',
  'removed',
  'device_lost',
  'client_lost',
]);
export const isLoss = (code: string): boolean => losses.has(code);

export interface Splice {
  /** From the client to the device and back, so far. */
  readonly pipe: Pipe;
  readonly done: Promise<SpliceEnd>;
}

/** A client's stream and a device's joined byte for byte. What goes through is not read. */
export function splice(client: Released, device: Released): Splice {
  const joined = pipe(client.stream, device.stream);
  let by: 'client' | 'device' | 'relay' = 'relay';
  const noteResets = (stream: ByteStream, whose: 'client' | 'device') => {
    const { onReset } = stream;
    stream.onReset = (end) => {
      by = whose;
      // How a connection of the one ended is nothing to the other: what counts is who is gone.
      onReset(isLoss(end.code) ? { code: `${whose}_lost` } : end);
    };
  };
  noteResets(client.stream, 'client');
  noteResets(device.stream, 'device');
  for (const { stream, ended } of [client, device]) {
    if (ended) stream.onEnd();
    stream.resume();
  }
  return { pipe: joined, done: joined.done.then((end) => (end ? { by, end } : { by: 'both' })) };
}
