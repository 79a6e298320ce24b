import { HttpConnection } from './http-connection.js';

export interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface Target {
  readonly url: string;
  /** The same at more replicas: connections are dealt out among them and `url`. */
  readonly replicas?: readonly string[];
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

/** An answer that takes longer has failed, and its connection with it. */
const timeoutMs = 10_000;

/**
 * Keep-alive load from this process, on the same cores as the server: each connection sends its next request when it has
 * the answer to the last. Answers under way at the end do not count.
 */
export async function load(target: Target, connections: number, seconds: number): Promise<Figures> {
  const latencies: number[] = [];
  let failed = 0;
  let running = true;
  const senders = Array.from({ length: connections }, (_, i) =>
    sender(target, i, (status, latencyMs) => {
      if (!running) return false;
      if (status >= 200 && status < 300) latencies.push(latencyMs);
      else failed++;
      return true;
    }),
  );
  const began = performance.now();
  for (const each of senders) each.start();
  const clock = setInterval(() => {
    for (const each of senders) each.giveUpLate();
  }, 1_000);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  running = false;
  const took = (performance.now() - began) / 1_000;
  clearInterval(clock);
  for (const each of senders) each.stop();
  latencies.sort((a, b) => a - b);
  const percentile = (part: number): number =>
    Math.round((latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0) * 10) / 10;
  return {
    perSecond: Math.round(latencies.length / took),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    answered: latencies.length,
    failed,
  };
}

/** One connection. `onAnswer` says whether it goes on. */
function sender(target: Target, place: number, onAnswer: (status: number, latencyMs: number) => boolean) {
  const urls = [target.url, ...(target.replicas ?? [])];
  const url = new URL(urls[place % urls.length] as string);
  const requests = requestsOf(target, place).map((request) => requestBytes(url, request));
  let sentAt = 0;
  // Connections begin at different places, or all would ask for the same at once.
  let next = place;
  const send = () => {
    sentAt = performance.now();
    connection.send(requests[next++ % requests.length] as Buffer);
  };
  const connection = new HttpConnection(url, (status) => {
    const goesOn = onAnswer(status, performance.now() - sentAt);
    if (!goesOn) return;
    // Not at once after a refusal by the system: that would be a loop without end.
    if (status === 0) setTimeout(send, 10);
    else send();
  });
  return {
    start: send,
    stop: () => connection.close(),
    giveUpLate: () => {
      if (performance.now() - sentAt < timeoutMs) return;
      connection.close();
      if (onAnswer(0, timeoutMs)) send();
    },
  };
}

function requestsOf({ method, headers, body, bodies, requestsOf: own }: Target, place: number): readonly Request[] {
  if (own) return own(place);
  const of = { ...(method && { method }), ...(headers && { headers }) };
  if (bodies) return bodies.map((each) => ({ ...of, body: each }));
  return [{ ...of, ...(body !== undefined && { body }) }];
}

function requestBytes(url: URL, { method = 'GET', path, headers = {}, body }: Request): Buffer {
  const lines = [`${method} ${path ?? `${url.pathname}${url.search}`} HTTP/1.1`, `host: ${url.host}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push(`content-length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
};
