import type { HttpRequest, Principal } from '@gatehouse/http';
import { z } from 'zod';

/** What a handler answers. Nothing at all is 204. */
export interface DialectAnswer {
  /** 200 unless given; 404 with data is how KV tells of a deleted version. */
  readonly status?: number;
  readonly data?: object | null;
  readonly warnings?: readonly string[];
  /** What a login gives. */
  readonly auth?: object;
  readonly lease?: Lease;
  /** The members of `data` stand beside the envelope's too, as those of `sys/` do. */
  readonly onTop?: true;
}

export interface Lease {
  readonly id: string;
  readonly durationSeconds: number;
  readonly renewable: boolean;
}

/** An answer without an envelope: the few of `sys/` that are asked before there is a token. */
export class BareAnswer {
  constructor(
    readonly body: object,
    readonly status = 200,
  ) {}
}

/** What stands in the place of an answer that was wrapped (`X-Vault-Wrap-TTL`). */
export interface WrapInfo {
  readonly token: string;
  readonly accessor: string;
  /** Seconds. */
  readonly ttl: number;
  readonly creation_time: string;
  readonly creation_path: string;
  readonly wrapped_accessor?: string;
}

export interface Envelope {
  readonly request_id: string;
  readonly lease_id: string;
  readonly renewable: boolean;
  /** Seconds. */
  readonly lease_duration: number;
  readonly data: object | null;
  readonly wrap_info: WrapInfo | null;
  readonly warnings: readonly string[] | null;
  readonly auth: object | null;
}

/** What a wrapper is told of the answer beside itself. */
export interface Wrapping {
  readonly ttlSeconds: number;
  /** Null for a login. */
  readonly caller: Principal | null;
  readonly request: HttpRequest;
  /** Path of the call, without `/v1/`. */
  readonly path: string;
}

/** Injection token of who wraps answers; without it a call that asks for it is refused. */
export const WRAP_ANSWER = Symbol('WRAP_ANSWER');

/** Keeps an answer aside, and gives what opens it once. */
export type WrapAnswer = (envelope: Envelope, wrapping: Wrapping) => Promise<WrapInfo>;

export function envelopeOf(request: HttpRequest, answer: DialectAnswer): Envelope {
  const { data = null, warnings = [], auth = null, lease } = answer;
  return {
    ...(answer.onTop && data),
    request_id: request.id,
    lease_id: lease?.id ?? '',
    renewable: lease?.renewable ?? false,
    lease_duration: lease?.durationSeconds ?? 0,
    data,
    wrap_info: null,
    warnings: warnings.length > 0 ? warnings : null,
    auth,
  };
}

/** For the API document. */
export const envelopeShape = z.object({
  request_id: z.string(),
  lease_id: z.string(),
  renewable: z.boolean(),
  lease_duration: z.number(),
  data: z.looseObject({}).nullable(),
  wrap_info: z.looseObject({}).nullable(),
  warnings: z.array(z.string()).nullable(),
  auth: z.looseObject({}).nullable(),
});
