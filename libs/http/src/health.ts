import { metricsText } from '@gatehouse/telemetry';
import type { FastifyInstance } from 'fastify';
import type { AppState } from './app-state.js';
import { defineRoute, ROUTE_SPEC, type RouteSpec } from './route.js';

/** A dependency that must be well before traffic may come. The problem's text is shown: no addresses, no secrets. */
export interface ReadinessCheck {
  readonly name: string;
  check(): Promise<'ok' | { readonly problem: string }>;
}

export interface ReadinessReport {
  readonly status: 'ready' | 'not ready' | 'stopping';
  readonly checks: Readonly<Record<string, string>>;
}

const CHECK_TIMEOUT_MS = 2000;
/** Probes of several load balancers share one round of checks. */
const CACHE_MS = 500;

/**
 * The readiness of a service: ready only when every check says ok. A check that throws or takes longer than two seconds
 * is not ok.
 *
 * @example
 * const readiness = new Readiness();
 * readiness.add({ name: 'database', check: async () => (await canQuery()) ? 'ok' : { problem: 'no answer' } });
 */
export class Readiness {
  private readonly checks = new Map<string, ReadinessCheck>();
  private latest: { readonly atMs: number; readonly report: Promise<ReadinessReport> } | undefined;

  /** @throws Error when a check of this name exists */
  add(check: ReadinessCheck): void {
    if (this.checks.has(check.name)) throw new Error(`readiness check "${check.name}" exists`);
    this.checks.set(check.name, check);
    this.latest = undefined;
  }

  /** The state now, at most half a second old. */
  async report(): Promise<ReadinessReport> {
    const nowMs = performance.now();
    if (this.latest === undefined || nowMs - this.latest.atMs > CACHE_MS) {
      this.latest = { atMs: nowMs, report: this.run() };
    }
    return await this.latest.report;
  }

  private async run(): Promise<ReadinessReport> {
    const results = await Promise.all(
      [...this.checks.values()].map(async (check) => [check.name, await runCheck(check)] as const),
    );
    const isReady = results.every(([, result]) => result === 'ok');
    return { status: isReady ? 'ready' : 'not ready', checks: Object.fromEntries(results) };
  }
}

async function runCheck(check: ReadinessCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ problem: string }>((resolve) => {
    timer = setTimeout(() => resolve({ problem: 'no answer in time' }), CHECK_TIMEOUT_MS);
  });
  try {
    const result = await Promise.race([check.check(), late]);
    return result === 'ok' ? 'ok' : result.problem;
  } catch {
    // The text of an unexpected error may hold an address or a credential; the service's own log has it.
    return 'failed';
  } finally {
    clearTimeout(timer);
  }
}

const internal = { kind: 'internal' } as const;

const livez = defineRoute({ method: 'GET', path: '/livez', access: internal, summary: 'The process runs' });
const readyz = defineRoute({ method: 'GET', path: '/readyz', access: internal, summary: 'The service can work' });
const metrics = defineRoute({ method: 'GET', path: '/metrics', access: internal, summary: 'Metrics for Prometheus' });

/** Serves `/livez`, `/readyz` and `/metrics`. */
export function serveHealth(instance: FastifyInstance, state: AppState, readiness: Readiness): void {
  const on = (spec: RouteSpec) => ({ method: spec.method, url: spec.path, config: { [ROUTE_SPEC]: spec } });
  instance.route({ ...on(livez), handler: async () => ({ status: 'alive' }) });
  instance.route({
    ...on(readyz),
    handler: async (_request, reply) => {
      const report = await readiness.report();
      const answer: ReadinessReport = state.stopping ? { ...report, status: 'stopping' } : report;
      if (answer.status !== 'ready') reply.code(503).header('retry-after', '1');
      return answer;
    },
  });
  instance.route({
    ...on(metrics),
    handler: async (_request, reply) => {
      reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      return await metricsText();
    },
  });
}
