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
  stream.pause();
  const address = await lookup(host).then(
    (found) => found.address,
    () => undefined,
  );
  if (address === undefined) {
    out.fail('unreachable', 'no address of that name');
    return;
  }
  const flows = new UdpFlows(out, address, port);
  stream.onReset = () => flows.stop();
  stream.onEnd = () => {
    out.finish();
    flows.stop();
  };
  stream.onFrame = (type, payload) => {
    if (type === frameTypes.datagram && payload.length >= headBytes) flows.take(Buffer.from(payload));
    else {
      out.fail('protocol', 'a datagram was expected');
      flows.stop();
    }
  };
  if (ended.aborted) flows.stop();
  else ended.addEventListener('abort', () => flows.stop(), { once: true });
  out.json(frameTypes.accepted, {});
  stream.resume();
}

class UdpFlows {
  readonly #flows = new Map<number, Flow>();

  constructor(
    private readonly out: OutgoingFrames,
    private readonly address: string,
    private readonly port: number,
  ) {}

  take(frame: Buffer): void {
    const number = frame.readUInt32BE(0);
    const flow = this.#flows.get(number) ?? this.#open(number);
    flow?.timer.refresh();
    if (flow !== undefined) forward(flow, frame.subarray(headBytes));
  }

  stop(): void {
    for (const number of [...this.#flows.keys()]) this.#close(number);
    this.out.abandon();
  }

  #open(number: number): Flow | undefined {
    // As on any network: what there is no room for is lost.
    if (this.#flows.size >= maxFlows || this.out.isOver) return undefined;
    const socket = createSocket(isIPv6(this.address) ? 'udp6' : 'udp4');
    const timer = setTimeout(() => this.#close(number), idleMs);
    timer.unref();
    const flow: Flow = { socket, timer, isConnected: false, early: [] };
    this.#flows.set(number, flow);
    // Nobody listens there (yet): the next datagram tries again.
    socket.on('error', () => this.#flows.get(number) === flow && this.#close(number));
    socket.on('message', (message) => this.#answer(number, flow, message));
    socket.connect(this.port, this.address, () => {
      flow.isConnected = true;
      for (const datagram of flow.early.splice(0)) forward(flow, datagram);
    });
    return flow;
  }

  #answer(number: number, { timer }: Flow, message: Buffer): void {
    timer.refresh();
    if (this.out.isFull) return;
    const head = Buffer.alloc(headBytes);
    head.writeUInt32BE(number);
    this.out.send(frameTypes.datagram, Buffer.concat([head, message]));
  }

  #close(number: number): void {
    const flow = this.#flows.get(number);
    this.#flows.delete(number);
    clearTimeout(flow?.timer);
    flow?.socket.close();
  }
}

function forward(flow: Flow, datagram: Buffer): void {
  if (flow.isConnected) flow.socket.send(datagram, () => undefined);
  else if (flow.early.length < maxEarly) flow.early.push(datagram);
}
