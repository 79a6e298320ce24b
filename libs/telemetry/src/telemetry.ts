import type { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { type MetricExport, startMetricExport } from './metric-export.js';
import { startRuntimeMetrics } from './runtime-metrics.js';
import { useTracer } from './spans.js';
import { useSampleRatio } from './trace-context.js';

export interface TelemetryOptions {
  /** Name of the service: `service.name` of traces and metrics. */
  readonly service: string;
  /** Base URL of an OTLP/HTTP collector. Traces are recorded only when it is given, here or by the environment. */
  readonly otlpEndpoint?: string;
}

export interface Telemetry {
  /** The metrics in the Prometheus text format. */
  metricsText(): Promise<string>;
  /** Sends what is queued, within five seconds, and stops. Idempotent. */
  shutdown(): Promise<void>;
}

/** Bounds of the exporter: spans beyond the queue are dropped, never waited for. */
const SPAN_QUEUE = {
  maxQueueSize: 2048,
  maxExportBatchSize: 512,
  scheduledDelayMillis: 2000,
  exportTimeoutMillis: 5000,
};
const SHUTDOWN_TIMEOUT_MS = 5000;

/** The metrics of this process once asked for. Owner: this file. */
let metricExport: MetricExport | undefined;

/**
 * Starts metrics, and traces when `OTEL_EXPORTER_OTLP_ENDPOINT` or `otlpEndpoint` is set. No automatic instrumentation:
 * the spans are those of `withSpan`. Call it once, before the service begins to work.
 *
 * @example
 * const telemetry = await startTelemetry({ service: 'audit' });
 * process.on('exit', () => telemetry.shutdown());
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  await metricExport?.shutdown();
  metricExport = startMetricExport(options.service);
  const stopRuntimeMetrics = startRuntimeMetrics();
  const endpoint = options.otlpEndpoint ?? process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const provider = endpoint ? await startTraces(options.service, endpoint) : undefined;
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    stopRuntimeMetrics();
    useTracer(undefined);
    useSampleRatio(0);
    await within(SHUTDOWN_TIMEOUT_MS, provider?.shutdown());
    await metricExport?.shutdown();
    metricExport = undefined;
  };
  return {
    metricsText,
    shutdown: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/**
 * The metrics of this process in the Prometheus text format (version 0.0.4), runtime metrics included once
 * `startTelemetry` ran.
 */
export async function metricsText(): Promise<string> {
  metricExport ??= startMetricExport('unknown_service');
  return await metricExport.text();
}

/** Loaded only when wanted: the exporter costs a tenth of a second of start and several megabytes. */
async function startTraces(service: string, endpoint: string): Promise<NodeTracerProvider> {
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: 5000 });
  const processor = new sdk.BatchSpanProcessor(exporter, SPAN_QUEUE);
  const provider = new sdk.NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    // Sampling is decided where a trace begins and travels in its flag, so what reaches the tracer is to be recorded.
    sampler: new sdk.AlwaysOnSampler(),
    spanProcessors: [processor],
    spanLimits: { attributeValueLengthLimit: 1024, attributeCountLimit: 32, eventCountLimit: 16, linkCountLimit: 16 },
  });
  useTracer(provider.getTracer('gatehouse'));
  useSampleRatio(sampleRatioFrom(process.env.OTEL_TRACES_SAMPLER_ARG));
  return provider;
}

/** OpenTelemetry's own variable; anything that is no ratio means every trace, which is its default too. */
function sampleRatioFrom(text: string | undefined): number {
  const ratio = Number(text ?? 1);
  return text !== '' && ratio >= 0 && ratio <= 1 ? ratio : 1;
}

async function within(timeoutMs: number, work: Promise<void> | undefined): Promise<void> {
  if (work === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  // A collector that is down must not keep a service from stopping; its spans are lost, which the design allows.
  await Promise.race([work.catch(() => undefined), limit]);
  clearTimeout(timer);
}
