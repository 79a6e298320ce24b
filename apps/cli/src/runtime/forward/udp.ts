import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { OutgoingFrames } from '../stream/outgoing-frames.js';

const idleMs = 60_000;
const maxFlows = 1_024;
const headBytes = 4;

interface Flow {
  readonly socket: Socket;
  readonly timer: NodeJS.Timeout;
  isConnected: boolean;
  /** Datagrams from before the socket was ready. */
  readonly early: Buffer[];
}
const maxEarly = 32;

/**
 * Datagrams to one port. Each flow of the client's side has a socket of its own, so that an answer goes back to whom it is
 * for; one that is silent both ways for a minute is closed, and opened again by the next datagram.
 */
export async function serveUdp(
  session: ServedSession<'forward'>,
  out: OutgoingFrames,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { stream, ended } = session;
  const flows = new Map<number, Flow>();
  const stop = () => {
    for (const { socket, timer } of flows.values()) {
      clearTimeout(timer);
      socket.close();
    }
    flows.clear();
    out.abandon();
  };
  stream.pause();
  stream.onReset = stop;
  ended.addEventListener('abort', stop, { once: true });
  const address = await lookup(host).then(
    (found) => found.address,
    () => undefined,
  );
  if (address === undefined) return out.fail('unreachable', 'no address of that name');
  stream.onFrame = (type, payload) => {
    if (type !== frameTypes.datagram || payload.length < headBytes) {
      out.fail('protocol', 'a datagram was expected');
      stop();
      return;
    }
    const bytes = Buffer.from(payload);
    const number = bytes.readUInt32BE(0);
    const flow = flows.get(number) ?? open(number);
    flow?.timer.refresh();
    if (flow !== undefined) forward(flow, bytes.subarray(headBytes));
  };
  stream.onEnd = () => {
    out.finish();
    stop();
  };
  const close = (number: number) => {
    const flow = flows.get(number);
    flows.delete(number);
    clearTimeout(flow?.timer);
    flow?.socket.close();
  };
  const open = (number: number): Flow | undefined => {
    // As on any network: what there is no room for is lost.
    if (flows.size >= maxFlows) return undefined;
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => close(number), idleMs);
    timer.unref();
    const flow: Flow = { socket, timer, isConnected: false, early: [] };
    flows.set(number, flow);
    // Nobody listens there (yet): the next datagram tries again.
    socket.on('error', () => flows.get(number) === flow && close(number));
    socket.on('message', (message) => {
      flow.timer.refresh();
      if (out.isFull) return;
      const head = Buffer.alloc(headBytes);
      head.writeUInt32BE(number);
      out.send(frameTypes.datagram, Buffer.concat([head, message]));
    });
    socket.connect(port, address, () => {
      flow.isConnected = true;
      for (const datagram of flow.early.splice(0)) socket.send(datagram);
    });
    return flow;
  };
  out.json(frameTypes.accepted, {});
  stream.resume();
}

function forward(flow: Flow, datagram: Buffer): void {
  if (flow.isConnected) flow.socket.send(datagram, () => undefined);
  else if (flow.early.length < maxEarly) flow.early.push(datagram);
}
