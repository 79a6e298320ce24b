import {
  type FrameStream,
  frameJson,
  frameStream,
  frameTypes,
  type GrantScope,
  memoryStreams,
  type OpenMessage,
} from '@gatehouse/session';
import { z } from 'zod';
import type { Dial, DialExtra } from './dial/dial.js';

export interface Opened {
  readonly scope: GrantScope;
  readonly open: OpenMessage;
  readonly extra: DialExtra | undefined;
  readonly stream: FrameStream;
}

/** A device in this process: `serve` gets each stream, whose `open` message was read and accepted. */
export function deviceServing(serve: (opened: Opened) => void, accepts = true): { dial: Dial; opened: Opened[] } {
  const opened: Opened[] = [];
  const dial: Dial = async (scope, open, extra) => {
    const [client, device] = memoryStreams().map(frameStream) as [FrameStream, FrameStream];
    const one = { scope, open, extra, stream: device };
    opened.push(one);
    if (accepts) device.sendJson(frameTypes.accepted, {});
    serve(one);
    return client;
  };
  return { dial, opened };
}

export const nothing = new Uint8Array(0);
export const text = (payload: Uint8Array): string => Buffer.from(payload).toString('utf8');
export const json = (payload: Uint8Array): unknown => frameJson(z.unknown(), Buffer.from(payload));
