import { Transform, type TransformCallback } from 'node:stream';
import { type HttpRequest, ProblemError } from '@gatehouse/http';
import type { FastifyInstance } from 'fastify';

/**
 * Bodies up to this are collected before the service is asked, so that a client that sends slowly holds no connection to
 * it; longer ones flow through. With the bound on requests in flight it bounds the memory of bodies.
 */
export const collectBytes = 65_536;

type Done = (error: Error | null, body?: unknown) => void;

/**
 * Bodies of every content type as bytes: a `Buffer`, or for long ones and those of unknown length the stream. They are
 * the service's to parse; only the size is checked here.
 */
export function takeBodies(instance: FastifyInstance, limitBytes: number): void {
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', (request, payload, done) => {
    const declared = request.headers['content-length'];
    if (declared === undefined) return done(null, payload.pipe(new LimitedBody(limitBytes)));
    const length = Number(declared);
    if (length > limitBytes) return done(tooLarge(limitBytes));
    if (length > collectBytes) return done(null, payload);
    collect(payload as unknown as NodeJS.ReadableStream, done);
  });
}

/** Node gives exactly the declared number of bytes, or ends the connection. */
function collect(payload: NodeJS.ReadableStream, done: Done): void {
  const chunks: Buffer[] = [];
  payload.on('data', (chunk: Buffer) => chunks.push(chunk));
  payload.on('end', () => done(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
}

/** A body that tells no length, cut at the limit. */
class LimitedBody extends Transform {
  #bytes = 0;

  constructor(private readonly limitBytes: number) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.limitBytes) done(tooLarge(this.limitBytes));
    else done(null, chunk);
  }
}

/** The rest of such a body is not read, so the connection can serve no other request. */
function tooLarge(limitBytes: number): ProblemError {
  const headers = { connection: 'close' };
  return new ProblemError('payload_too_large', `A body has at most ${limitBytes} bytes here`, { headers });
}

export type Body = Buffer | NodeJS.ReadableStream | null | undefined;

export const bodyOf = (request: HttpRequest): Body => request.body as Body;
