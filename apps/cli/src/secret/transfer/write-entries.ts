import { randomUUID } from 'node:crypto';
import type { Client } from '../../client.js';
import { Failure } from '../../failure.js';
import { RefusedError } from '../../output/problem.js';
import { manyAtOnce, type WriteRequest, writeVersions } from '../secrets-api.js';

export interface EntryRequest extends WriteRequest {
  readonly path: string;
}

/** As many as one request takes, in their order; what is too large for any has one of its own, and is refused there. */
export function batchesOf(requests: readonly EntryRequest[]): readonly (readonly EntryRequest[])[] {
  const batches: EntryRequest[][] = [];
  let bytes = 0;
  for (const request of requests) {
    const length = Buffer.byteLength(JSON.stringify(request)) + 1;
    const batch = batches.at(-1);
    if (batch && batch.length < manyAtOnce.secrets && bytes + length <= manyAtOnce.bytes) {
      batch.push(request);
      bytes += length;
    } else {
      batches.push([request]);
      bytes = length;
    }
  }
  return batches;
}

/** Writes for one import: under one word, by which the vault knows what it has written for it before. */
export class EntryWriting {
  /** What is written, by path. */
  readonly versions = new Map<string, number>();
  readonly #id: string;

  constructor(
    private readonly client: Client,
    resume: string | undefined,
  ) {
    this.#id = resume ?? randomUUID();
  }

  /** @throws Failure that names what was refused first, after all of the batch was tried */
  async write(batch: readonly EntryRequest[]): Promise<void> {
    const results = await writeVersions(this.client, batch, this.#id).catch((error: unknown) => {
      throw this.#brokenOff(error, blamed(error, batch));
    });
    for (const result of results) if (!(result instanceof RefusedError)) this.versions.set(result.path, result.version);
    const refused = results.findIndex((result) => result instanceof RefusedError);
    if (refused >= 0) throw this.#brokenOff(results[refused], batch[refused]?.path);
  }

  #brokenOff(error: unknown, path: string | undefined): unknown {
    if (!(error instanceof Failure)) return error;
    const next = `${this.versions.size} were written. Go on with the same command and --resume ${this.#id}`;
    const message = path === undefined ? error.message : `${path}: ${error.message}`;
    return new Failure(error.exitCode, message, next, { cause: error });
  }
}

/** Whose fault it is that nothing of a batch was taken; undefined for what concerns all of it. */
function blamed(error: unknown, batch: readonly EntryRequest[]): string | undefined {
  if (batch.length === 1) return batch[0]?.path;
  const { errors } = (error instanceof RefusedError ? error.members : {}) as { errors?: readonly { path: string }[] };
  const place = /^body\.secrets\.(\d+)\./.exec(errors?.[0]?.path ?? '')?.[1];
  return place === undefined ? undefined : batch[Number(place)]?.path;
}
