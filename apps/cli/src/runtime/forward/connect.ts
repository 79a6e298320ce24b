import { createConnection, type NetConnectOpts } from 'node:net';
import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { OutgoingFrames } from '../stream/outgoing-frames.js';
import { bridge } from './duplex-bridge.js';

const connectMs = 10_000;

/** One connection to a port or a socket of the device, or of what it reaches. */
export function serveConnection(session: ServedSession<'forward'>, out: OutgoingFrames, to: NetConnectOpts): void {
  const socket = createConnection({ ...to, allowHalfOpen: true });
  const { stream, ended } = session;
  stream.pause();
  const giveUp = () => socket.destroy();
  stream.onReset = giveUp;
  ended.addEventListener('abort', giveUp, { once: true });
  const late = setTimeout(() => failed({ code: 'ETIMEDOUT' }), connectMs);
  const failed = ({ code = 'unknown' }: { code?: string }) => {
    clearTimeout(late);
    socket.destroy();
    if (code === 'EACCES' || code === 'EPERM') out.fail('permission', `the account of the runtime may not (${code})`);
    else out.fail('unreachable', `no connection (${code})`);
  };
  socket.once('error', failed);
  socket.once('close', () => clearTimeout(late));
  socket.once('connect', () => {
    clearTimeout(late);
    socket.off('error', failed);
    ended.removeEventListener('abort', giveUp);
    socket.setNoDelay(true);
    out.json(frameTypes.accepted, {});
    bridge(session, out, socket, () => ('port' in to ? socket.resetAndDestroy() : socket.destroy()));
    stream.resume();
  });
}
