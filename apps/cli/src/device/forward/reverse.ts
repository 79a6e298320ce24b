import { connect, type Socket } from 'node:net';
import { type FrameStream, frameTypes, maxFrameBytes } from '@gatehouse/session';
import type { Failure } from '../../failure.js';
import { converse } from '../dial/failures.js';
import type { Reverse } from './parse-target.js';

const headerBytes = 4;
const maxChannels = 1_024;

interface Channel {
  readonly socket: Socket;
  /** Halves that have not ended. */
  open: number;
}

/**
 * Serves connections that come in on the device's port: each is a channel of one stream, and leads to `host:localPort` as
 * seen from here. A channel's first frame opens it, when it is empty, too; an empty one later ends that half.
 */
export class ReverseForward {
  readonly #channels = new Map<number, Channel>();

  constructor(
    private readonly stream: FrameStream,
    private readonly reverse: Reverse,
    listening: () => void,
    over: (failure: Failure | undefined) => void,
  ) {
    converse(stream, {
      accepted: listening,
      frame: (type, payload) => type === frameTypes.channel && this.#frame(payload),
      drain: () => this.#each((socket) => socket.resume()),
      over: (failure) => {
        this.#each((socket) => socket.destroy());
        over(failure);
      },
    });
  }

  close(): void {
    this.stream.reset({ code: 'cancelled' });
    this.#each((socket) => socket.destroy());
  }

  #frame(payload: Uint8Array): void {
    if (payload.byteLength < headerBytes) return;
    const bytes = Buffer.from(payload);
    const id = bytes.readUInt32BE(0);
    const known = this.#channels.get(id);
    const channel = known ?? this.#open(id);
    if (!channel) return;
    if (bytes.length > headerBytes) {
      if (!channel.socket.write(bytes.subarray(headerBytes))) this.stream.pause();
    } else if (known) {
      channel.socket.end();
      this.#half(id, channel);
    }
  }

  #open(id: number): Channel | undefined {
    if (this.#channels.size >= maxChannels) {
      this.#endOf(id);
      return undefined;
    }
    const { host, localPort: port } = this.reverse;
    const socket = connect({ host, port, allowHalfOpen: true });
    const channel = { socket, open: 2 };
    this.#channels.set(id, channel);
    socket.on('drain', () => this.stream.resume());
    socket.on('data', (chunk: Buffer) => this.#send(id, socket, chunk));
    socket.on('end', () => {
      this.#endOf(id);
      this.#half(id, channel);
    });
    socket.on('error', () => {
      this.#endOf(id);
      this.#forget(id, channel);
    });
    return channel;
  }

  #send(id: number, socket: Socket, chunk: Buffer): void {
    const most = maxFrameBytes - headerBytes;
    let mayGoOn = true;
    for (let at = 0; at < chunk.length; at += most) {
      const piece = chunk.subarray(at, at + most);
      mayGoOn = this.stream.send(frameTypes.channel, Buffer.concat([numbered(id), piece]));
    }
    if (!mayGoOn) socket.pause();
  }

  #endOf(id: number): void {
    this.stream.send(frameTypes.channel, numbered(id));
  }

  #half(id: number, channel: Channel): void {
    channel.open -= 1;
    if (channel.open === 0) this.#forget(id, channel);
  }

  #forget(id: number, { socket }: Channel): void {
    this.#channels.delete(id);
    if (socket.writableNeedDrain) this.stream.resume();
  }

  #each(act: (socket: Socket) => unknown): void {
    for (const { socket } of this.#channels.values()) act(socket);
  }
}

function numbered(id: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32BE(id, 0);
  return header;
}
