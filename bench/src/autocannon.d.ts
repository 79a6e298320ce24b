// The part of autocannon 8 that is used here; the package carries no types.
declare module 'autocannon' {
  export interface Options {
    url: string;
    connections: number;
    duration?: number;
    amount?: number;
    method?: 'GET' | 'POST';
    headers?: Record<string, string>;
    body?: string;
    requests?: readonly Request[];
    /** Called for each connection, before its first request. */
    setupClient?: (client: { setRequests(requests: readonly Request[]): void }) => void;
  }
  export interface Request {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  }
  export interface Result {
    requests: { average: number; total: number };
    latency: { p50: number; p99: number };
    duration: number;
    non2xx: number;
    errors: number;
    timeouts: number;
    '2xx': number;
  }
  export default function autocannon(options: Options): Promise<Result>;
}
