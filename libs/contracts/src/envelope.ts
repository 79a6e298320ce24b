import { z } from 'zod';

/** `<aggregate>:<id>`; both parts become tokens of a NATS subject, so neither may hold a dot, star, `>` or blank. */
export const streamIdPattern = /^[a-z][a-z0-9-]{0,31}:[A-Za-z0-9_-]{1,128}$/;

export const tenantIdPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** A personal field under its subject's own key. `text` is base64 of nonce || ciphertext || tag. */
export const sealedField = z.strictObject({ subject: z.string(), key: z.int(), text: z.base64() });
export type SealedField = z.infer<typeof sealedField>;

export const actor = z.object({ type: z.string().max(64), id: z.string().max(256) });
export type Actor = z.infer<typeof actor>;

/** Who caused an event, and where the call came from. The address of a person never stands here: see `sealed`. */
export const source = z.object({ ip: z.string().max(64).optional(), userAgent: z.string().max(256).optional() });

export const envelope = z.object({
  id: z.uuid(),
  type: z.string().regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/),
  version: z.int().min(1),
  tenantId: z.string().regex(tenantIdPattern),
  streamId: z.string().regex(streamIdPattern),
  revision: z.int().min(1),
  occurredAt: z.iso.datetime(),
  actor,
  source: source.optional(),
  correlationId: z.string().max(64),
  causationId: z.string().max(64).optional(),
  data: z.record(z.string(), z.unknown()),
  sealed: z.record(z.string(), sealedField).optional(),
});

/**
 * One event as it is stored, published and hashed: canonical JSON (RFC 8785), at most {@link maxEnvelopeBytes} bytes.
 * `revision` counts from 1 within the stream; `occurredAt` is RFC 3339 in UTC with milliseconds;
 * `correlationId` is the trace id (32 hex digits); `causationId` the command, decision or event it follows from.
 */
export interface Envelope<D extends object = Record<string, unknown>> {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly tenantId: string;
  readonly streamId: string;
  readonly revision: number;
  readonly occurredAt: string;
  readonly actor: Actor;
  readonly source?: { readonly ip?: string; readonly userAgent?: string };
  readonly correlationId: string;
  readonly causationId?: string;
  readonly data: D;
  readonly sealed?: Readonly<Record<string, SealedField>>;
}

/** A ledger entry has a 16-bit length (C2SP tlog-tiles), so no event may be longer; the rest is room for the proof. */
export const maxEnvelopeBytes = 60_000;
