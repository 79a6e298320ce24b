import { connect, type Socket } from 'node:net';

/** Called with the status of each answer, or with 0 when the connection was lost before it came. */
type OnAnswer = (status: number) => void;

/** No answer that is measured here is longer. */
const maxAnswerBytes = 4 * 1024 ** 2;
const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/**
 * A keep-alive connection with one request under way, and no more HTTP than it takes to see where an answer ends: what
 * the load costs is taken from the same cores as what is loaded.
 */
export class HttpConnection {
  readonly #host: string;
  readonly #port: number;
  readonly #onAnswer: OnAnswer;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);

  constructor({ hostname, port }: URL, onAnswer: OnAnswer) {
    this.#host = hostname;
    this.#port = Number(port);
    this.#onAnswer = onAnswer;
  }

  send(request: Buffer): void {
    this.#socket ??= this.#connect();
    this.#socket.write(request);
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #connect(): Socket {
    const onread = {
      buffer: Buffer.alloc(65_536),
      callback: (bytes: number, buffer: Uint8Array) => this.#take(bytes, buffer),
    };
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true, onread });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#received = Buffer.alloc(0);
      this.#onAnswer(0);
    });
    return socket;
  }

  #take(bytes: number, buffer: Uint8Array): boolean {
    const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
    const all = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const answer = readAnswer(all);
    if (!answer) {
      if (all.length > maxAnswerBytes) this.#socket?.destroy();
      // The buffer is the socket's, which fills it again.
      else this.#received = all === chunk ? Buffer.from(chunk) : all;
      return true;
    }
    this.#received = Buffer.alloc(0);
    if (answer.closes) this.close();
    this.#onAnswer(answer.status);
    return true;
  }
}

/** Undefined while it is not whole. Nothing follows an answer, for there is one request at a time. */
export function readAnswer(bytes: Buffer): { readonly status: number; readonly closes: boolean } | undefined {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return undefined;
  const head = bytes.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const status = Number(head.slice(9, 12));
  const from = end + headEnd.length;
  const isWhole = length === undefined ? isChunkedBodyWhole(head, bytes, from) : bytes.length >= from + Number(length);
  return isWhole ? { status, closes: /\r\nconnection: *close/i.test(head) } : undefined;
}

function isChunkedBodyWhole(head: string, bytes: Buffer, from: number): boolean {
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return true; // an answer without a body
  for (let at = from; ; ) {
    const line = bytes.indexOf(lineEnd, at);
    if (line < 0) return false;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    at = line + lineEnd.length + size + lineEnd.length;
    if (size === 0) return bytes.length >= at;
  }
}
