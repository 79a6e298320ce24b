import { frameTypes, type ServedSession } from '@gatehouse/session';
import { OutgoingFrames } from '../stream/outgoing-frames.js';
import { type Counters, type MetricsSample, readCounters, readSample } from './read-metrics.js';

const tickMs = 250;

interface Viewer {
  readonly intervalMs: number;
  dueAtMs: number;
  take(sample: MetricsSample): void;
}

/** Reads the machine's figures as long as somebody looks, once for all who do. */
export class MetricsProducer {
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;
  #before: Counters | undefined;
  #isReading = false;

  /** How often it has read, for who asks what it costs. */
  reads = 0;

  watch(intervalMs: number, take: (sample: MetricsSample) => void): () => void {
    const viewer: Viewer = { intervalMs, dueAtMs: performance.now() + tickMs, take };
    this.#viewers.add(viewer);
    if (this.#timer === undefined) void this.#begin();
    return () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#before = undefined;
    };
  }

  async #begin(): Promise<void> {
    this.#timer = setInterval(() => void this.#tick(), tickMs);
    this.#before = await readCounters();
  }

  async #tick(): Promise<void> {
    const now = performance.now() + tickMs / 2;
    const due = [...this.#viewers].filter(({ dueAtMs }) => dueAtMs <= now);
    if (due.length === 0 || this.#before === undefined || this.#isReading) return;
    this.#isReading = true;
    try {
      const counters = await readCounters();
      const sample = await readSample(this.#before, counters);
      this.reads += 1;
      this.#before = counters;
      for (const viewer of due) {
        viewer.dueAtMs = Math.max(viewer.dueAtMs + viewer.intervalMs, performance.now());
        if (this.#viewers.has(viewer)) viewer.take(sample);
      }
    } finally {
      this.#isReading = false;
    }
  }
}

/** Samples at the pace that was asked for; whoever reads slowly misses some. */
export const serveMetrics =
  (producer: MetricsProducer) =>
  (session: ServedSession<'metrics'>): void => {
    const out = new OutgoingFrames(session.stream);
    const { intervalMs, count } = session.open;
    let left = count ?? Number.POSITIVE_INFINITY;
    out.json(frameTypes.accepted, {});
    const leave = producer.watch(intervalMs, (sample) => {
      if (out.isFull) return;
      out.json(frameTypes.message, sample);
      left -= 1;
      if (left > 0) return;
      leave();
      out.finish();
    });
    const stop = () => {
      leave();
      out.abandon();
    };
    session.stream.onFrame = () => {
      out.fail('protocol', 'nothing is said to metrics');
      leave();
    };
    session.stream.onReset = stop;
    session.stream.onEnd = stop;
    if (session.ended.aborted) stop();
    else session.ended.addEventListener('abort', stop, { once: true });
  };
