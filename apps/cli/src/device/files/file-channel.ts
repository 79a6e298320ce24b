import {
  type FileAnswer,
  type FileRequest,
  type FrameStream,
  type FrameType,
  fileAnswer,
  frameJson,
  frameTypes,
  maxFrameBytes,
} from '@gatehouse/session';
import { exitCodes, Failure } from '../../failure.js';
import { converse, DeviceFailure } from '../dial/failures.js';

type Take = (chunk: Uint8Array) => Promise<void>;
/** A request without its number. */
export type FileWish = FileRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

interface Waiting {
  readonly resolve: (answer: FileAnswer) => void;
  readonly reject: (error: unknown) => void;
  readonly take?: Take;
}

/** Requests about files over one stream, one after the other, and the bytes between them. */
export class FileChannel {
  readonly #waiting = new Map<number, Waiting>();
  #drained: (() => void)[] = [];
  #taking = Promise.resolve();
  #id = 0;
  #over: Failure | undefined;

  private constructor(private readonly stream: FrameStream) {}

  /** Once the device accepted. @throws Failure */
  static open(stream: FrameStream): Promise<FileChannel> {
    const channel = new FileChannel(stream);
    return new Promise((resolve, reject) => {
      converse(stream, {
        accepted: () => resolve(channel),
        frame: (type, payload) => channel.#frame(type, payload),
        drain: () => channel.#wake(),
        over: (failure) => {
          const why = failure ?? new Failure(exitCodes.unavailable, 'the device ended the session without a word');
          reject(why);
          channel.#end(why);
        },
      });
    });
  }

  /** @throws Failure what the device says, or the end of the stream */
  async ask(wish: FileWish, take?: Take): Promise<FileAnswer> {
    const id = this.#send(wish);
    const answer = await this.#answer(id, take);
    // What it was sent before its answer is taken in first.
    await this.#taking;
    if (answer.error) throw new DeviceFailure(answer.error.code, answer.error.detail);
    return answer;
  }

  /** A `write`: the bytes follow the request, and the answer follows their end. */
  async write(wish: FileWish, give: (take: Take) => Promise<void>): Promise<FileAnswer> {
    const id = this.#send(wish);
    const answer = this.#answer(id);
    // It may come, or the stream may end, while bytes are still given.
    answer.catch(() => undefined);
    let refused: FileAnswer | undefined;
    void answer.then(
      (early) => {
        refused = early;
        this.#wake();
      },
      () => undefined,
    );
    await give(async (chunk) => {
      if (refused?.error) throw new DeviceFailure(refused.error.code, refused.error.detail);
      for (let at = 0; at < chunk.length; at += maxFrameBytes)
        if (!this.stream.send(frameTypes.data, chunk.subarray(at, at + maxFrameBytes))) await this.#room();
    }).finally(() => {
      if (!this.#over) this.stream.send(frameTypes.eof, new Uint8Array(0));
    });
    const last = await answer;
    if (last.error) throw new DeviceFailure(last.error.code, last.error.detail);
    return last;
  }

  close(): void {
    this.stream.end();
    this.#end(new Failure(exitCodes.unavailable, 'the channel is closed'));
  }

  #send(wish: FileWish): number {
    if (this.#over) throw this.#over;
    const id = ++this.#id;
    this.stream.sendJson(frameTypes.message, { ...wish, id });
    return id;
  }

  #answer(id: number, take?: Take): Promise<FileAnswer> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, ...(take && { take }) });
    });
  }

  #frame(type: FrameType, payload: Uint8Array): void {
    if (type === frameTypes.data) this.#data(payload);
    else if (type === frameTypes.message) this.#answered(payload);
  }

  #answered(payload: Uint8Array): void {
    const answer = frameJson(fileAnswer, payload);
    const waiting = answer && this.#waiting.get(answer.id);
    if (!answer || !waiting) {
      this.stream.reset({ code: 'protocol' });
      this.#end(new Failure(exitCodes.unavailable, 'the device answered what nobody asked'));
      return;
    }
    this.#waiting.delete(answer.id);
    waiting.resolve(answer);
  }

  /** The next chunk is asked for when this one is taken in. */
  #data(payload: Uint8Array): void {
    const [waiting] = this.#waiting.values();
    if (!waiting?.take) return;
    const chunk = Buffer.from(payload);
    const { take } = waiting;
    this.stream.pause();
    this.#taking = this.#taking
      .then(() => take(chunk))
      .catch((error: unknown) => {
        this.#waiting.clear();
        waiting.reject(error);
        this.stream.reset({ code: 'cancelled' });
        this.#end(new Failure(exitCodes.unavailable, 'the channel was given up'));
      })
      .finally(() => this.stream.resume());
  }

  #room(): Promise<void> {
    if (this.#over) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => {
      this.#drained.push(() => (this.#over ? reject(this.#over) : resolve()));
    });
  }

  #wake(): void {
    for (const wake of this.#drained.splice(0)) wake();
  }

  #end(failure: Failure): void {
    this.#over ??= failure;
    for (const { reject } of this.#waiting.values()) reject(this.#over);
    this.#waiting.clear();
    this.#wake();
  }
}
