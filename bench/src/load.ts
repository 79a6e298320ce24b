import autocannon, { type Request } from 'autocannon';

export interface Target {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Sent one after the other, over and over; instead of `body`. */
  readonly bodies?: readonly string[];
  /** What each connection sends, over and over; instead of `bodies`. */
  readonly requestsOf?: (connection: number) => readonly Request[];
}

export interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly answered: number;
  readonly failed: number;
}

/** Keep-alive load from this process, on the same cores as the server. Latencies are in whole milliseconds. */
export async function load(
  { bodies, requestsOf, ...target }: Target,
  connections: number,
  seconds: number,
): Promise<Figures> {
  const requests = bodies?.map((body) => ({ body }));
  let connection = 0;
  const result = await autocannon({
    ...target,
    ...(requests && { requests }),
    ...(requestsOf && { setupClient: (client) => client.setRequests(requestsOf(connection++)) }),
    connections,
    duration: seconds,
  });
  return {
    perSecond: Math.round(result['2xx'] / result.duration),
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    answered: result['2xx'],
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
};
