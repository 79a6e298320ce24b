import { createServer, type Socket } from 'node:net';
import { frameTypes, maxFrameBytes, type ServedSession } from '@gatehouse/session';
import type { OutgoingFrames } from '../stream/outgoing-frames.js';

const headBytes = 4;
const maxChannels = 256;

interface Channel {
  readonly socket: Socket;
  oursEnded: boolean;
  theirsEnded: boolean;
}

/**
 * Listens on the loopback of this device, nowhere else, and hands each connection to the client as a channel. Its first frame
 * is empty and opens it, since on many a connection the other side speaks first; an empty one later ends that half.
 */
export function serveReverse(session: ServedSession<'forward'>, out: OutgoingFrames, port: number): void {
  new ReverseForward(session, out).listen(port);
}

class ReverseForward {
  readonly #channels = new Map<number, Channel>();
  readonly #server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => this.#opened(socket));
  #last = 0;

  constructor(
    private readonly session: ServedSession<'forward'>,
    private readonly out: OutgoingFrames,
  ) {}

  listen(port: number): void {
    const { stream, ended } = this.session;
    stream.onFrame = (type, payload) => {
      if (type !== frameTypes.channel || payload.length < headBytes) this.#protocol();
      else this.#take(Buffer.from(payload));
    };
    stream.onReset = () => this.#stop();
    stream.onEnd = () => {
      this.out.finish();
      this.#stop();
    };
    ended.addEventListener('abort', () => this.#stop(), { once: true });
    this.#server.maxConnections = maxChannels;
    this.#server.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
      if (code === 'EADDRINUSE') this.out.fail('busy', 'the port is in use on the device');
      else this.out.fail(code === 'EACCES' ? 'permission' : 'io', `the port cannot be listened on (${code})`);
    });
    this.#server.listen({ host: '127.0.0.1', port }, () => {
      if (ended.aborted) this.#stop();
      else this.out.json(frameTypes.accepted, {});
    });
  }

  #opened(socket: Socket): void {
    this.#last = (this.#last + 1) >>> 0;
    const number = this.#last;
    const channel: Channel = { socket, oursEnded: false, theirsEnded: false };
    this.#channels.set(number, channel);
    socket.setNoDelay(true);
    this.out.send(frameTypes.channel, headed(number, Buffer.alloc(0)));
    socket.on('data', (chunk: Buffer) => this.#send(number, channel, chunk));
    socket.on('end', () => this.#endOurs(number, channel));
    socket.on('drain', () => this.session.stream.resume());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.session.stream.resume();
      this.#endOurs(number, channel);
      this.#channels.delete(number);
    });
  }

  #endOurs(number: number, channel: Channel): void {
    if (channel.oursEnded) return;
    channel.oursEnded = true;
    this.out.send(frameTypes.channel, headed(number, Buffer.alloc(0)));
    this.#forgetIfDone(number, channel);
  }

  #send(number: number, { socket }: Channel, chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += maxFrameBytes - headBytes)
      this.out.send(frameTypes.channel, headed(number, chunk.subarray(at, at + maxFrameBytes - headBytes)));
    if (!this.out.isFull) return;
    socket.pause();
    void this.out.room().then(() => socket.resume());
  }

  /** One that is not there any more is passed over: it was closed while these bytes were on their way. */
  #take(frame: Buffer): void {
    const number = frame.readUInt32BE(0);
    const channel = this.#channels.get(number);
    if (channel === undefined || channel.theirsEnded) return;
    const bytes = frame.subarray(headBytes);
    if (bytes.length > 0) {
      if (!channel.socket.write(bytes)) this.session.stream.pause();
      return;
    }
    channel.theirsEnded = true;
    channel.socket.end();
    this.#forgetIfDone(number, channel);
  }

  #forgetIfDone(number: number, { oursEnded, theirsEnded }: Channel): void {
    if (oursEnded && theirsEnded) this.#channels.delete(number);
  }

  #protocol(): void {
    this.out.fail('protocol', 'bytes of a channel were expected');
    this.#stop();
  }

  #stop(): void {
    this.out.abandon();
    this.#server.close();
    for (const { socket } of this.#channels.values()) socket.destroy();
    this.#channels.clear();
  }
}

function headed(number: number, bytes: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + bytes.length);
  frame.writeUInt32BE(number, 0);
  bytes.copy(frame, headBytes);
  return frame;
}
