import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { maskSecrets } from './mask.js';
import { currentTrace, runWithTrace, type TraceContext } from './trace-context.js';

/** Attributes of a span. Texts are masked like log lines; still, give ids and counts, not contents. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A span that is running. */
export interface ActiveSpan {
  /** The trace context inside the span: what outgoing messages carry. */
  readonly context: TraceContext;
  /** Ends the span; with an error it is marked as failed. */
  end(attributes?: SpanAttributes, error?: unknown): void;
}

/** The tracer while traces are exported. Owner: `startTelemetry`. */
let tracer: Tracer | undefined;

export function useTracer(next: Tracer | undefined): void {
  tracer = next;
}

/** Whether spans are recorded at all: an OTLP endpoint is configured. */
export function isTracing(): boolean {
  return tracer !== undefined;
}

/**
 * Starts a span by hand, for work that begins and ends in different callbacks. Prefer {@link withSpan}.
 *
 * @param parent the trace to join, the current one unless given
 * @returns undefined when tracing is off or the trace is not sampled
 */
export function beginSpan(
  name: string,
  attributes: SpanAttributes = {},
  { kind = 'internal', parent = currentTrace() }: { kind?: keyof typeof KINDS; parent?: TraceContext | undefined } = {},
): ActiveSpan | undefined {
  if (tracer === undefined || parent?.sampled === false) return undefined;
  const parentContext =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED, isRemote: kind === 'server' });
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes: masked(attributes) }, parentContext);
  const { traceId, spanId, traceFlags } = span.spanContext();
  const context = { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 };
  return { context, end: (more, error) => endSpan(span, more, error) };
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * Runs `fn` inside a span and ends it when `fn` returns, throws, or its promise settles. With tracing off, or in a trace
 * that is not sampled, this is one comparison and the call.
 *
 * @example const rows = await withSpan('events.append', { count: 3 }, () => append(events))
 */
export function withSpan<T>(name: string, attributes: SpanAttributes, fn: () => T): T {
  const span = tracer === undefined ? undefined : beginSpan(name, attributes);
  if (span === undefined) return fn();
  try {
    const result = runWithTrace(span.context, fn);
    if (!isThenable(result)) {
      span.end();
      return result;
    }
    return result.then(
      (value: unknown) => {
        span.end();
        return value;
      },
      (error: unknown) => {
        span.end({}, error);
        throw error;
      },
    ) as T;
  } catch (error) {
    span.end({}, error);
    throw error;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null)?.then === 'function';
}

function endSpan(span: Span, attributes: SpanAttributes = {}, error?: unknown): void {
  span.setAttributes(masked(attributes));
  // Only the kind of error: its message may quote input, and the log has it, masked.
  if (error !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'failed' });
  }
  span.end();
}

function masked(attributes: SpanAttributes): Attributes {
  const copies: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    copies[name] = typeof value === 'string' ? maskSecrets(value) : value;
  }
  return copies;
}
