import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { beginSpan, isTracing, withSpan } from './spans.js';
import { startTelemetry, type Telemetry } from './telemetry.js';
import { currentTrace, newTraceContext, runWithTrace } from './trace-context.js';

interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: { readonly key: string; readonly value: Record<string, unknown> }[];
}

interface Export {
  readonly resourceSpans: { readonly scopeSpans: { readonly spans: ReceivedSpan[] }[] }[];
}

/** A collector over real HTTP that keeps what it receives. */
let collector: Server;
let received: Export[] = [];
let telemetry: Telemetry;

const spans = () =>
  received.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );
const named = (name: string) => spans().find((span) => span.name === name);

beforeEach(async () => {
  received = [];
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') received.push(JSON.parse(Buffer.concat(chunks).toString()) as Export);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  telemetry = await startTelemetry({ service: 'audit', otlpEndpoint: `http://127.0.0.1:${port}/` });
});

afterEach(async () => {
  await telemetry.shutdown();
  collector.closeAllConnections();
  await new Promise((resolve) => collector.close(resolve));
});

describe('spans', () => {
  it('reach the collector with parent, trace and attributes', async () => {
    const trace = newTraceContext();
    await runWithTrace(trace, () =>
      withSpan('outer', { count: 2 }, async () => {
        expect(currentTrace()?.traceId).toBe(trace.traceId);
        return await withSpan('inner', {}, async () => 'done');
      }),
    );
    await telemetry.shutdown();
    expect(named('outer')).toMatchObject({ traceId: trace.traceId, parentSpanId: trace.spanId });
    expect(named('inner')).toMatchObject({ traceId: trace.traceId, parentSpanId: named('outer')?.spanId });
    expect(named('outer')?.attributes).toEqual([{ key: 'count', value: { intValue: 2 } }]);
  });

  it('end with an error by its kind, never its text, and pass it on', async () => {
    const fail = async () => {
      throw new TypeError('key mas_0123456789abcdef is bad');
    };
    await expect(withSpan('async', {}, fail)).rejects.toThrow(TypeError);
    expect(() =>
      withSpan('sync', {}, () => {
        throw new RangeError('x');
      }),
    ).toThrow(RangeError);
    await telemetry.shutdown();
    expect(named('async')?.status).toEqual({ code: 2, message: 'TypeError' });
    expect(named('sync')?.status).toEqual({ code: 2, message: 'RangeError' });
    expect(JSON.stringify(received)).not.toContain('mas_');
  });

  it('mask their attributes', async () => {
    withSpan('masked', { note: 'used mas_0123456789abcdefghij' }, () => 1);
    await telemetry.shutdown();
    expect(named('masked')?.attributes).toEqual([{ key: 'note', value: { stringValue: 'used mas_[redacted]' } }]);
  });

  it('are left out of a trace that its beginner did not sample', async () => {
    runWithTrace({ ...newTraceContext(), sampled: false }, () => {
      expect(withSpan('unsampled', {}, () => 'value')).toBe('value');
      expect(beginSpan('by hand')).toBeUndefined();
    });
    await telemetry.shutdown();
    expect(spans()).toEqual([]);
  });

  it('may be begun and ended by hand, once', async () => {
    const span = beginSpan('by hand', { a: true }, { kind: 'server', parent: newTraceContext() });
    expect(span?.context.sampled).toBe(true);
    span?.end({ status: 500 }, new Error('x'));
    await telemetry.shutdown();
    expect(named('by hand')).toMatchObject({ kind: 2, status: { code: 2, message: 'Error' } });
  });

  it('are off after shutdown: work goes on, nothing is recorded', async () => {
    expect(isTracing()).toBe(true);
    await telemetry.shutdown();
    expect(isTracing()).toBe(false);
    expect(newTraceContext().sampled).toBe(false);
    expect(withSpan('late', {}, () => 5)).toBe(5);
  });
});

describe('a collector that does not answer', () => {
  it('does not keep a service from stopping', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    await telemetry.shutdown();
    telemetry = await startTelemetry({ service: 'audit', otlpEndpoint: `http://127.0.0.1:${port}` });
    withSpan('stuck', {}, () => 1);
    const startedAtMs = performance.now();
    await telemetry.shutdown();
    expect(performance.now() - startedAtMs).toBeLessThan(30_000);
    silent.closeAllConnections();
    silent.close();
  });
});
