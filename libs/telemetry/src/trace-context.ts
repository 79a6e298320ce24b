import { AsyncLocalStorage } from 'node:async_hooks';
import { randomFillSync } from 'node:crypto';

/**
 * Where in a trace the running code is (W3C Trace Context, level 1). Exists with tracing off too: the trace id is the
 * correlation id of events and of problem documents.
 */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower-case hex digits, not all zero: the span that is running, the parent of whatever starts next. */
  readonly spanId: string;
  /** Whether spans of this trace are exported, decided where the trace began. */
  readonly sampled: boolean;
}

const storage = new AsyncLocalStorage<TraceContext>();

/** Random bytes are drawn in blocks: one system call serves 170 traces. Owner: {@link randomHex} alone. */
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(byteCount: number): string {
  if (used + byteCount > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += byteCount;
  return pool.toString('hex', used - byteCount, used);
}

/** Share of new traces whose spans are exported, 0..1. Owner: `startTelemetry`. */
let sampleRatio = 0;

export function useSampleRatio(ratio: number): void {
  sampleRatio = ratio;
}

/**
 * Starts a new trace, sampled by the configured ratio (never, while tracing is off).
 *
 * @example newTraceContext().traceId // '4bf92f3577b34da6a3ce929d0e0e4736'
 */
export function newTraceContext(): TraceContext {
  const sampled = sampleRatio > 0 && (sampleRatio >= 1 || Math.random() < sampleRatio);
  return { traceId: randomHex(16), spanId: randomHex(8), sampled };
}

/** A new span id in the same trace, for work that continues what a caller or a message began. */
export function childTraceContext(parent: TraceContext): TraceContext {
  return { traceId: parent.traceId, spanId: randomHex(8), sampled: parent.sampled };
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/**
 * Reads a `traceparent` header (W3C Trace Context 3.2). Unknown versions are read by the rules of version 00, as the
 * document asks; anything malformed is undefined, and the caller starts a new trace.
 *
 * @example parseTraceparent('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')?.sampled // true
 */
export function parseTraceparent(header: string | undefined): TraceContext | undefined {
  if (header === undefined || header.length > 512) return undefined;
  const match = TRACEPARENT.exec(header);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, rest] = match;
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === ZERO_TRACE || spanId === ZERO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Writes a `traceparent` header of version 00 for an outgoing request or message. */
export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`;
}

/** The trace the running code belongs to; undefined outside of {@link runWithTrace}. */
export function currentTrace(): TraceContext | undefined {
  return storage.getStore();
}

/**
 * Runs `fn`, and all asynchronous work it starts, inside a trace.
 *
 * @example await runWithTrace(parseTraceparent(header) ?? newTraceContext(), () => handle(message))
 */
export function runWithTrace<T>(context: TraceContext, fn: () => T): T {
  return storage.run(context, fn);
}
