import { type CounterSeries, counter, type HistogramSeries, histogram, type Logger } from '@gatehouse/telemetry';
import type { FastifyReply } from 'fastify';
import { LineRate } from './line-rate.js';
import { networkToLog } from './logged-address.js';
import type { HttpRequest } from './request.js';
import type { ServedRoute } from './route-table.js';

const requests = counter('http_server_requests', 'Requests answered, by route and status');
const durations = histogram('http_server_request_seconds', 'Time from arrival to the last byte, by route');

const SLOW_MS = 1000;

/** The counters of one route, looked up once. */
export interface RouteSeries {
  readonly duration: HistogramSeries;
  readonly byStatus: Map<number, CounterSeries>;
}

type CountedRoute = Pick<ServedRoute, 'method' | 'path' | 'series'>;

const unknownRoute: CountedRoute = { method: '(any)', path: '(unknown)', series: undefined };

/**
 * Counts and logs answered requests. Successes are logged at debug only, refusals at info, failures and slow requests at
 * warn, the last two within a rate. A line has the route's pattern, never the address with its query, and no header or body.
 */
export class AccessLog {
  private readonly refusals = new LineRate();
  private readonly failures = new LineRate();

  constructor(private readonly logger: Logger) {}

  record(request: HttpRequest, reply: FastifyReply): void {
    const durationMs = performance.now() - request.arrivedAtMs;
    // The client went away before the answer was written: nginx's number for it.
    const status = reply.raw.writableFinished ? reply.statusCode : 499;
    this.count(request, status, durationMs);
    const level = status >= 500 || durationMs > SLOW_MS ? 'warn' : status < 400 ? 'debug' : 'info';
    if (!this.logger.isLevelEnabled(level)) return;
    const rate = level === 'warn' ? this.failures : this.refusals;
    if (level !== 'debug' && !rate.allows()) return;
    this.logger[level](requestLine(request, status, durationMs, rate.takeDropped()), 'request');
  }

  private count(request: HttpRequest, status: number, durationMs: number): void {
    const route: CountedRoute = request.route ?? unknownRoute;
    const { method, path } = route;
    route.series ??= { duration: durations.labels({ method, route: path }), byStatus: new Map() };
    const { series } = route;
    let counted = series.byStatus.get(status);
    if (counted === undefined) {
      counted = requests.labels({ method, route: path, status });
      series.byStatus.set(status, counted);
    }
    counted.add();
    series.duration.record(durationMs / 1000);
  }
}

function requestLine(request: HttpRequest, status: number, durationMs: number, droppedLines: number): object {
  const { principal, trace } = request;
  return {
    method: request.method,
    // The pattern, not the address: addresses hold ids, and queries hold whatever a caller put there.
    route: (request.route ?? unknownRoute).path,
    status,
    durationMs: Math.round(durationMs * 100) / 100,
    // The address of a service is its own; that of a person is personal data.
    ...(principal?.type === 'service' ? { ip: request.ip } : { network: networkToLog(request.ip) }),
    requestId: request.id,
    traceId: trace?.traceId,
    ...(principal === null ? {} : { tenantId: principal.tenantId, principal: `${principal.type}/${principal.id}` }),
    ...(droppedLines === 0 ? {} : { droppedLines }),
  };
}
