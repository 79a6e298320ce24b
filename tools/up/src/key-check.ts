import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type Addresses, servicePort } from './environment.js';
import type { ServiceRow } from './service-table.js';

/** A request that its service refuses with 400, for itself, once it knows who asks and lets him ask: until then with 401 or 403. */
export interface KeyProbe {
  readonly service: string;
  /** Address of the service, without a path. */
  readonly origin: string;
  /** `GET /path` or `POST /path`; a POST has the body `{}`. */
  readonly call: string;
}

export const probesOf = (rows: readonly ServiceRow[], addresses: Addresses): readonly KeyProbe[] =>
  rows.flatMap((row) => {
    const origin = `http://127.0.0.1:${servicePort(row, addresses)}`;
    return row.keyProbe === undefined ? [] : [{ service: row.name, origin, call: row.keyProbe }];
  });

export interface KeyCheckOptions {
  /** The header's value, with the key. */
  readonly authorization: string;
  readonly withinMs: number;
  /** It was made in an earlier start: a service that is ready and refuses it will not come to know it. */
  readonly isKnown: boolean;
  /** Ends the wait. */
  readonly stopping: () => boolean;
}

/** Between two questions; twice the last one each time, until it is the longest. A key that is refused many times a minute would be an alert. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [100, 5_000];
const TIMEOUT_MS = 5_000;

/**
 * Waits until every service knows the key. That a service is ready says that it answers: a key that was made a moment ago
 * reaches it with the events that come then.
 *
 * @returns what the services say that still refuse it when the time is over; undefined once all know it
 * @example await keyProblem([{ service: 'policy', origin, call: 'POST /access/v1/evaluation' }], options) // 'policy answers 401'
 */
export async function keyProblem(probes: readonly KeyProbe[], options: KeyCheckOptions): Promise<string | undefined> {
  const deadline = performance.now() + options.withinMs;
  const problems = await Promise.all(probes.map((probe) => problemOf(probe, options, deadline)));
  return problems.filter((problem) => problem !== undefined).join(', ') || undefined;
}

async function problemOf(
  probe: KeyProbe,
  { authorization, isKnown, stopping }: KeyCheckOptions,
  deadline: number,
): Promise<string | undefined> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const status = await statusOf(probe, authorization);
    if (status === 400) return undefined;
    const isFinal = isKnown && (status === 401 || status === 403);
    if (isFinal || stopping() || performance.now() >= deadline)
      return `${probe.service} ${status === undefined ? 'does not answer' : `answers ${status}`}`;
    await pause(pauseMs);
  }
}

function statusOf({ origin, call }: KeyProbe, authorization: string): Promise<number | undefined> {
  const [method, path = ''] = call.split(' ');
  const headers = { authorization, ...(method === 'POST' && { 'content-type': 'application/json' }) };
  return new Promise((done) => {
    const asked = request(`${origin}${path}`, { method, headers, agent: false, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      done(response.statusCode);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => done(undefined));
    asked.end(method === 'POST' ? '{}' : undefined);
  });
}
