import { afterEach, describe, expect, it } from '@jest/globals';
import { metrics } from '@opentelemetry/api';
import { counter, gauge, histogram, MAX_SERIES, observedCounter } from './metrics.js';
import { metricsText, startTelemetry, type Telemetry } from './telemetry.js';

let telemetry: Telemetry | undefined;

afterEach(async () => {
  await telemetry?.shutdown();
  telemetry = undefined;
});

const seriesValue = async (series: string) => {
  const line = (await metricsText()).split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
};

describe('instruments', () => {
  it('count, by labels', async () => {
    const decisions = counter('test_decisions', 'Decisions answered');
    const allow = decisions.labels({ outcome: 'allow' });
    allow.add();
    allow.add(2);
    decisions.labels({ outcome: 'deny' }).add();
    allow.add(-5);
    expect(await seriesValue('test_decisions_total{outcome="allow"}')).toBe(3);
    expect(await seriesValue('test_decisions_total{outcome="deny"}')).toBe(1);
    expect(await metricsText()).toContain(
      '# HELP test_decisions_total Decisions answered\n# TYPE test_decisions_total counter',
    );
  });

  it('are shared by name, whatever the order of labels', async () => {
    counter('test_shared', 'Shared').labels({ a: '1', b: '2' }).add();
    counter('test_shared', 'Shared').labels({ b: '2', a: '1' }).add();
    expect(await seriesValue('test_shared_total{a="1",b="2"}')).toBe(2);
  });

  it('fill cumulative buckets with inclusive upper bounds', async () => {
    const waits = histogram('test_wait_seconds', 'Waits', [0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 3, Number.NaN, -1]) waits.record(value);
    expect(await seriesValue('test_wait_seconds_bucket{le="0.1"}')).toBe(2);
    expect(await seriesValue('test_wait_seconds_bucket{le="1"}')).toBe(3);
    expect(await seriesValue('test_wait_seconds_bucket{le="+Inf"}')).toBe(4);
    expect(await seriesValue('test_wait_seconds_count')).toBe(4);
    expect(await seriesValue('test_wait_seconds_sum')).toBeCloseTo(3.65);
  });

  it('are read when asked for, the newest owner speaking, until removed', async () => {
    const removeFirst = gauge('test_lag', 'Lag', () => 1);
    const removeSecond = gauge('test_lag', 'Lag', () => [{ value: 7, labels: { consumer: 'audit' } }]);
    expect(await seriesValue('test_lag{consumer="audit"}')).toBe(7);
    removeFirst();
    expect(await seriesValue('test_lag{consumer="audit"}')).toBe(7);
    removeSecond();
    expect(await metricsText()).not.toContain('test_lag');
  });

  it('do not spoil the others when one throws', async () => {
    const remove = gauge('test_broken', 'Throws', () => {
      throw new Error('no');
    });
    observedCounter('test_counted_elsewhere', 'Counted elsewhere', () => 5);
    const before = (await seriesValue('metric_reading_failures_total')) ?? 0;
    expect(await seriesValue('test_counted_elsewhere_total')).toBe(5);
    expect(await seriesValue('metric_reading_failures_total')).toBeGreaterThan(before);
    remove();
  });

  it('bound their series and count the rest in one', async () => {
    const many = counter('test_many', 'Too many labels');
    for (let index = 0; index < MAX_SERIES + 500; index++) many.labels({ index }).add();
    const lines = (await metricsText()).split('\n').filter((line) => line.startsWith('test_many_total{'));
    expect(lines).toHaveLength(MAX_SERIES + 1);
    expect(await seriesValue('test_many_total{otel_metric_overflow="true"}')).toBe(500);
  });

  it.each(['Upper', 'with-dash', 'ü', '', '1x'])('refuse the name %j', (name) => {
    expect(() => counter(name, 'x')).toThrow('metric name');
  });

  it('refuse one name for two kinds', () => {
    counter('test_kind', 'x');
    expect(() => histogram('test_kind', 'x')).toThrow('already a counter');
  });

  it('escape what a label holds', async () => {
    counter('test_escape', 'x').labels({ text: 'a"b\\c\nd' }).add();
    expect(await metricsText()).toContain('test_escape_total{text="a\\"b\\\\c\\nd"} 1');
  });
});

describe('startTelemetry', () => {
  it('names the service, measures the process, and takes in the OpenTelemetry API', async () => {
    telemetry = await startTelemetry({ service: 'audit' });
    metrics.getMeter('elsewhere').createCounter('test_from_api').add(4);
    const text = await telemetry.metricsText();
    expect(text).toContain('target_info{service_name="audit"} 1');
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds\{quantile="0.99"\} \d/m);
    expect(text).toMatch(/^nodejs_memory_bytes\{kind="rss"\} \d{7,}$/m);
    expect(text).toMatch(/^process_cpu_seconds_total\{mode="user"\} \d/m);
    expect(text).toMatch(/^test_from_api_total 4$/m);
  });

  it('keeps what was counted before it', async () => {
    counter('test_early', 'Counted early').add();
    telemetry = await startTelemetry({ service: 'audit' });
    expect(await telemetry.metricsText()).toMatch(/^test_early_total 1$/m);
  });

  it('stops twice without harm', async () => {
    telemetry = await startTelemetry({ service: 'audit' });
    await Promise.all([telemetry.shutdown(), telemetry.shutdown()]);
    expect(await metricsText()).not.toContain('nodejs_memory_bytes');
  });
});
