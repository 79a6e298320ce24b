export { boundedCopy, boundedText, LOG_LIMITS } from './bounded-copy.js';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logger.js';
export { holdsKey, isSecretName, MASK, maskSecrets } from './mask.js';
export {
  type Counter,
  type CounterSeries,
  counter,
  DURATION_BUCKETS_SECONDS,
  gauge,
  type Histogram,
  type HistogramSeries,
  histogram,
  type Labels,
  observedCounter,
  type Reading,
} from './metrics.js';
export { isRecordedWhole, isSuspicious, recordableText, recordedForms } from './recordable-text.js';
export { recordedText } from './recorded-text.js';
export { type ActiveSpan, beginSpan, isTracing, type SpanAttributes, withSpan } from './spans.js';
export { metricsText, startTelemetry, type Telemetry, type TelemetryOptions } from './telemetry.js';
export {
  childTraceContext,
  currentTrace,
  formatTraceparent,
  newTraceContext,
  parseTraceparent,
  runWithTrace,
  type TraceContext,
} from './trace-context.js';
