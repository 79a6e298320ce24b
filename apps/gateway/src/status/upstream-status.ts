import type { Upstream } from '../proxy/upstream.js';

/** What a stranger may know of a service. */
export type ServiceStatus = 'ready' | 'not ready' | 'unreachable';

const timeoutMs = 1_500;
const cacheMs = 2_000;

/** Whether the services are ready, asked at most once in two seconds, however many look. */
export class UpstreamStatus {
  #latest: { readonly atMs: number; readonly report: Promise<Record<string, ServiceStatus>> } | undefined;

  constructor(private readonly upstreams: Readonly<Record<string, Upstream>>) {}

  report(): Promise<Record<string, ServiceStatus>> {
    const nowMs = performance.now();
    if (this.#latest === undefined || nowMs - this.#latest.atMs > cacheMs) {
      this.#latest = { atMs: nowMs, report: this.#ask() };
    }
    return this.#latest.report;
  }

  async #ask(): Promise<Record<string, ServiceStatus>> {
    const asked = Object.entries(this.upstreams).map(async ([name, upstream]) => [name, await ask(upstream)] as const);
    return Object.fromEntries(await Promise.all(asked));
  }
}

function ask(upstream: Upstream): Promise<ServiceStatus> {
  return new Promise((resolve) => {
    const request = upstream.request({ method: 'GET', path: '/readyz', headers: { host: upstream.host } });
    const timer = setTimeout(() => request.destroy(new Error('too late')), timeoutMs);
    request.once('response', (response) => {
      clearTimeout(timer);
      response.resume();
      resolve(response.statusCode === 200 ? 'ready' : 'not ready');
    });
    request.on('error', () => {
      clearTimeout(timer);
      resolve('unreachable');
    });
    request.end();
  });
}
