import { isDeepStrictEqual } from 'node:util';
import type { ServedSession } from '@gatehouse/session';
import { OutgoingFrames } from '../stream/outgoing-frames.js';
import { serveConnection } from './connect.js';
import { serveReverse } from './reverse.js';
import { serveSerial } from './serial.js';
import { parseTarget } from './target.js';
import { serveUdp } from './udp.js';

/** One forwarded connection, flow of datagrams, line or listener. */
export function serveForward(session: ServedSession<'forward'>): void {
  const out = new OutgoingFrames(session.stream);
  const { grant, open } = session;
  const isGranted = grant.scope.kind === 'forward' && grant.scope.targets.some((text) => isSame(text, open.target));
  const target = isGranted ? parseTarget(open.target) : undefined;
  if (!isGranted) out.fail('not_granted', 'that target was not granted');
  else if (target === undefined) out.fail('protocol', 'that is no target');
  else if (target.kind === 'tcp') serveConnection(session, out, { host: target.host, port: target.port });
  else if (target.kind === 'unix') serveConnection(session, out, { path: target.path });
  else if (target.kind === 'udp') void serveUdp(session, out, target);
  else if (target.kind === 'serial') void serveSerial(session, out, target);
  else serveReverse(session, out, target.port);
}

/** As they are understood, not as they are written. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [parseTarget(one), parseTarget(other)];
  return one === other || (a !== undefined && isDeepStrictEqual(a, b));
}
