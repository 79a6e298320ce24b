import { afterEach, describe, expect, it } from '@jest/globals';
import { Readiness, type ReadinessCheck } from './health.js';
import { startTestApp, type TestApp, until } from './test-app.js';

let test: TestApp | undefined;

afterEach(async () => {
  await test?.close();
  test = undefined;
});

async function start(...checks: ReadinessCheck[]): Promise<string> {
  const readiness = new Readiness();
  for (const check of checks) readiness.add(check);
  test = await startTestApp({ readiness });
  return test.url;
}

const ready = async (url: string) => {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, body: await response.json(), retryAfter: response.headers.get('retry-after') };
};

describe('/readyz', () => {
  it('is 200 when every check is ok', async () => {
    const url = await start({ name: 'database', check: async () => 'ok' }, { name: 'bus', check: async () => 'ok' });
    expect(await ready(url)).toEqual({
      status: 200,
      body: { status: 'ready', checks: { database: 'ok', bus: 'ok' } },
      retryAfter: null,
    });
  });

  it('follows a check down and up again', async () => {
    let isUp = true;
    const url = await start({ name: 'bus', check: async () => (isUp ? 'ok' : { problem: 'not connected' }) });
    expect((await ready(url)).status).toBe(200);
    for (const next of [false, true, false]) {
      isUp = next;
      let seen = await ready(url);
      while ((seen.status === 200) !== next) seen = await ready(url);
      expect(seen.body).toEqual(
        next ? { status: 'ready', checks: { bus: 'ok' } } : { status: 'not ready', checks: { bus: 'not connected' } },
      );
      expect(seen.retryAfter).toBe(next ? null : '1');
    }
  });

  it('shows a check that throws as failed, without its text', async () => {
    const url = await start({
      name: 'database',
      check: async () => {
        throw new Error('postgres://audit:hunter2@db');
      },
    });
    expect(await ready(url)).toMatchObject({ status: 503, body: { checks: { database: 'failed' } } });
  });

  it('does not wait for a check that never answers', async () => {
    const url = await start({ name: 'stuck', check: () => new Promise(() => {}) });
    expect(await ready(url)).toMatchObject({ status: 503, body: { checks: { stuck: 'no answer in time' } } });
  });

  it('shares one round of checks between probes', async () => {
    let rounds = 0;
    const url = await start({
      name: 'database',
      check: async () => {
        rounds++;
        return 'ok';
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => ready(url)));
    expect(rounds).toBeLessThanOrEqual(2);
  });

  it('refuses two checks of one name', () => {
    const readiness = new Readiness();
    readiness.add({ name: 'database', check: async () => 'ok' });
    expect(() => readiness.add({ name: 'database', check: async () => 'ok' })).toThrow('exists');
  });
});

describe('/livez and /metrics', () => {
  it('/livez is 200 although nothing is ready', async () => {
    const url = await start({ name: 'bus', check: async () => ({ problem: 'down' }) });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('/metrics counts requests by route and status, never by address', async () => {
    const url = await start();
    await fetch(`${url}/livez`);
    await fetch(`${url}/no/such/place/mas_0123456789abcdef`);
    let text = '';
    await until(() => test?.lines.some((line) => line.includes('"status":404')) ?? false);
    const response = await fetch(`${url}/metrics`);
    text = await response.text();
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toMatch(/^http_server_requests_total\{method="GET",route="\/livez",status="200"\} [1-9]/m);
    expect(text).toMatch(/^http_server_requests_total\{method="\(any\)",route="\(unknown\)",status="404"\} 1$/m);
    expect(text).toMatch(/^http_server_request_seconds_bucket\{method="GET",route="\/livez",le="\+Inf"\} [1-9]/m);
    expect(text).not.toContain('mas_');
  });
});
