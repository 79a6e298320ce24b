import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { gauge, observedCounter } from './metrics.js';

const NANOSECONDS = 1e9;

/**
 * Registers what tells whether a Node process is well: event loop lag and utilization, memory, processor time, start.
 * The lag's percentiles cover the time since the last reading.
 *
 * @returns a function that removes them and stops the lag's timer
 */
export function startRuntimeMetrics(): () => void {
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  const startedAtSeconds = (Date.now() - process.uptime() * 1000) / 1000;
  let lastUtilization = performance.eventLoopUtilization();
  const removers = [
    gauge('nodejs_eventloop_lag_seconds', 'Event loop lag since the last reading, in seconds', () => {
      const readings = [
        { labels: { quantile: '0.5' }, value: lag.percentile(50) / NANOSECONDS },
        { labels: { quantile: '0.99' }, value: lag.percentile(99) / NANOSECONDS },
        { labels: { quantile: '1' }, value: lag.max / NANOSECONDS },
      ];
      lag.reset();
      return readings;
    }),
    gauge('nodejs_eventloop_utilization_ratio', 'Share of time the event loop was busy since the last reading', () => {
      const current = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(current, lastUtilization);
      lastUtilization = current;
      return utilization;
    }),
    gauge('nodejs_memory_bytes', 'Memory of the process by kind, in bytes', () => {
      const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
      return Object.entries({ rss, heapTotal, heapUsed, external, arrayBuffers }).map(([kind, value]) => ({
        labels: { kind },
        value,
      }));
    }),
    observedCounter('process_cpu_seconds', 'Processor time used, in seconds', () => {
      const { user, system } = process.cpuUsage();
      return [
        { labels: { mode: 'user' }, value: user / 1e6 },
        { labels: { mode: 'system' }, value: system / 1e6 },
      ];
    }),
    gauge('process_start_time_seconds', 'When the process started, in Unix seconds', () => startedAtSeconds),
  ];
  return () => {
    lag.disable();
    for (const remove of removers) remove();
  };
}
