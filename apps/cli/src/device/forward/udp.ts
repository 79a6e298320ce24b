import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { type FrameStream, frameTypes } from '@gatehouse/session';
import { exitCodes, Failure } from '../../failure.js';
import { converse } from '../dial/failures.js';
import { type ListenContext, type Listening, taken } from './listen.js';
import type { Forward } from './parse-target.js';

/** A sender that was not heard of for so long is forgotten; the device forgets its socket as late. */
const idleMs = 60_000;
const maxFlows = 1_024;
/** Datagrams that wait for the way to the device: who asks once, such as for a name, is not left without an answer. */
const maxEarly = 32;

interface Flow {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  lastMs: number;
}

/** Senders here, each with the number that stands before its datagrams on the stream. The one heard of least lately makes room. */
export class Flows {
  readonly #bySender = new Map<string, Flow>();
  readonly #byId = new Map<number, Flow>();
  #next = 1;

  of({ address, port }: Pick<RemoteInfo, 'address' | 'port'>, nowMs: number): Flow {
    const sender = `${address}|${port}`;
    const known = this.#bySender.get(sender);
    if (known) {
      known.lastMs = nowMs;
      // Last in the map is heard of last.
      this.#bySender.delete(sender);
      this.#bySender.set(sender, known);
      return known;
    }
    this.#makeRoom(nowMs);
    const flow = { id: this.#next++, address, port, lastMs: nowMs };
    this.#bySender.set(sender, flow);
    this.#byId.set(flow.id, flow);
    return flow;
  }

  answered(id: number, nowMs: number): Flow | undefined {
    const flow = this.#byId.get(id);
    if (flow) flow.lastMs = nowMs;
    return flow;
  }

  get size(): number {
    return this.#byId.size;
  }

  #makeRoom(nowMs: number): void {
    for (const [sender, flow] of this.#bySender) {
      if (this.#byId.size < maxFlows && nowMs - flow.lastMs <= idleMs) return;
      this.#bySender.delete(sender);
      this.#byId.delete(flow.id);
    }
  }
}

/** Listens for datagrams. Those that find no room are dropped, as the network does. @throws Failure the port is taken */
export async function listenDatagrams(forward: Forward, context: ListenContext): Promise<Listening> {
  const port = 'port' in forward.local ? forward.local.port : 0;
  const socket = createSocket({ type: context.bind.includes(':') ? 'udp6' : 'udp4' });
  const where = `${context.bind}:${port}/udp`;
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => reject(taken(where, error)));
    socket.bind({ address: context.bind, port, exclusive: true }, resolve);
  });
  socket.on('error', () => undefined);
  const bridge = new DatagramBridge(socket, forward, context);
  socket.on('message', (bytes, from) => bridge.send(bytes, from));
  return { where, close: () => bridge.close() };
}

class DatagramBridge {
  readonly #flows = new Flows();
  #stream: FrameStream | 'dialling' | undefined;
  #mayGoOn = true;
  readonly #early: [number, Buffer][] = [];

  constructor(
    private readonly socket: Socket,
    private readonly forward: Forward,
    private readonly context: ListenContext,
  ) {}

  send(bytes: Buffer, from: RemoteInfo): void {
    const { id } = this.#flows.of(from, Date.now());
    if (this.#stream === undefined) void this.#dial();
    if (typeof this.#stream === 'object') this.#carry(this.#stream, id, bytes);
    else if (this.#early.length < maxEarly) this.#early.push([id, bytes]);
  }

  #carry(stream: FrameStream, id: number, bytes: Buffer): void {
    if (!this.#mayGoOn) return;
    const framed = Buffer.allocUnsafe(4 + bytes.length);
    framed.writeUInt32BE(id, 0);
    bytes.copy(framed, 4);
    this.#mayGoOn = stream.send(frameTypes.datagram, framed);
  }

  close(): void {
    if (typeof this.#stream === 'object') this.#stream.reset({ code: 'cancelled' });
    this.socket.close();
  }

  async #dial(): Promise<void> {
    const { dial, targets, failed } = this.context;
    this.#stream = 'dialling';
    try {
      const open = { kind: 'forward', target: this.forward.target } as const;
      const stream = await dial({ kind: 'forward', targets: [...targets] }, open);
      this.#stream = stream;
      this.#mayGoOn = true;
      converse(stream, {
        frame: (type, payload) => type === frameTypes.datagram && this.#answer(payload),
        drain: () => {
          this.#mayGoOn = true;
        },
        over: (failure) => {
          this.#stream = undefined;
          if (failure) failed(failure, this.forward);
        },
      });
      for (const [id, bytes] of this.#early.splice(0)) this.#carry(stream, id, bytes);
    } catch (error) {
      this.#stream = undefined;
      this.#early.length = 0;
      failed(error instanceof Failure ? error : new Failure(exitCodes.unavailable, String(error)), this.forward);
    }
  }

  #answer(payload: Uint8Array): void {
    if (payload.byteLength < 4) return;
    const bytes = Buffer.from(payload);
    const flow = this.#flows.answered(bytes.readUInt32BE(0), Date.now());
    if (flow) this.socket.send(bytes, 4, bytes.length - 4, flow.port, flow.address);
  }
}
