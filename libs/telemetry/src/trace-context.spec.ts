import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  childTraceContext,
  currentTrace,
  formatTraceparent,
  newTraceContext,
  parseTraceparent,
  runWithTrace,
} from './trace-context.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('traceparent', () => {
  it('is read as W3C Trace Context has it', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`)).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.sampled).toBe(false);
    expect(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-the-future-holds`)?.traceId).toBe(TRACE);
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['version 00 with more', `00-${TRACE}-${SPAN}-01-x`],
    ['a later version with text glued on', `01-${TRACE}-${SPAN}-01x`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a zero trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a zero span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a short trace', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['two headers', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
    ['a long text', `01-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`],
  ])('is refused as %s', (_name, header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });

  it('comes back from what is written', () => {
    fc.assert(
      fc.property(fc.boolean(), (sampled) => {
        const context = { ...newTraceContext(), sampled };
        expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
      }),
    );
  });
});

describe('a trace', () => {
  it('has ids of the right form that do not repeat', () => {
    const ids = Array.from({ length: 5000 }, () => newTraceContext());
    expect(ids.every(({ traceId, spanId }) => /^[0-9a-f]{32}$/.test(traceId) && /^[0-9a-f]{16}$/.test(spanId))).toBe(
      true,
    );
    expect(new Set(ids.map(({ traceId }) => traceId)).size).toBe(5000);
    expect(new Set(ids.map(({ spanId }) => spanId)).size).toBe(5000);
  });

  it('keeps its id and sampling in a child, with another span', () => {
    const parent = { traceId: TRACE, spanId: SPAN, sampled: true };
    const child = childTraceContext(parent);
    expect(child).toMatchObject({ traceId: TRACE, sampled: true });
    expect(child.spanId).not.toBe(SPAN);
  });

  it('is the current one in all work started inside, and nowhere else', async () => {
    const [first, second] = [newTraceContext(), newTraceContext()];
    const work = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return currentTrace();
    };
    const seen = await Promise.all([runWithTrace(first, work), runWithTrace(second, work), work()]);
    expect(seen).toEqual([first, second, undefined]);
  });
});
