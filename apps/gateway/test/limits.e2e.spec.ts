import { afterEach, describe, expect, it } from '@jest/globals';
import { type Service, startService, startTestGateway, type TestGateway } from './gateway.fixture.js';

let service: Service;
let gate: TestGateway;

async function start(env: Readonly<Record<string, string>>): Promise<void> {
  service = await startService();
  gate = await startTestGateway({
    upstreams: { identity: service.url, policy: service.url, vault: service.url, audit: service.url },
    env,
  });
}

afterEach(async () => {
  await gate?.stop();
  await service?.close();
});

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

describe('the rate of an address', () => {
  it('is held before anything is passed on, for unknown paths too, and told in headers; health goes on', async () => {
    await start({ RATE_LIMIT_PER_SECOND: '1', RATE_LIMIT_BURST: '3' });
    expect((await gate.ask('/api/v1/identity/me')).status).toBe(200);
    expect((await gate.ask('/nothing')).status).toBe(404);
    expect((await gate.ask('/setup')).status).toBe(200);
    const answer = await gate.ask('/api/v1/identity/me');
    expect(answer.status).toBe(429);
    expect(answer.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(answer.headers).toMatchObject({
      'retry-after': '1',
      'ratelimit-limit': '1',
      'ratelimit-remaining': '0',
      'ratelimit-reset': '1',
    });
    expect((await gate.ask('/readyz')).status).toBe(200);
    expect(service.asked).toHaveLength(1);
  });

  it('is that of the peer, who cannot choose another by a header', async () => {
    await start({ RATE_LIMIT_PER_SECOND: '1', RATE_LIMIT_BURST: '2' });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await gate.ask('/nothing', from(`198.51.100.${i}`))).status);
    expect(statuses).toEqual([404, 404, 429, 429]);
  });

  it('is the client’s own behind a proxy that is trusted', async () => {
    await start({ RATE_LIMIT_PER_SECOND: '1', RATE_LIMIT_BURST: '1', TRUSTED_PROXIES: '127.0.0.1' });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await gate.ask('/api/v1/identity/me', from(`198.51.100.${i}`))).status);
    expect(statuses).toEqual([200, 200, 200]);
    expect((await gate.ask('/api/v1/identity/me', from('198.51.100.0'))).status).toBe(429);
    expect(service.asked.map(({ headers }) => headers['x-forwarded-for'])).toEqual(
      [0, 1, 2].map((i) => `198.51.100.${i}`),
    );
  });
});

describe('another origin', () => {
  it('gives pages of other origins no leave to read what it answers', async () => {
    await start({});
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' };
    for (const method of ['GET', 'OPTIONS'] as const) {
      const answer = await gate.ask('/api/v1/devices', { method, headers });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });
});

describe('what only the operator may see', () => {
  it('/metrics is there for listed networks and for nobody else', async () => {
    await start({});
    expect((await gate.ask('/metrics')).text).toContain('gateway_certificate_expires_seconds');
    await gate.stop();
    await service.close();
    await start({ METRICS_NETWORKS: '10.0.0.0/8,2001:db8::/32' });
    expect((await gate.ask('/metrics')).status).toBe(404);
  });

  it('a network that is none stops the start', async () => {
    service = await startService();
    const upstreams = { identity: service.url, policy: service.url, vault: service.url, audit: service.url };
    const starting = startTestGateway({ upstreams, env: { METRICS_NETWORKS: '10.0.0.0/33' } });
    await expect(starting).rejects.toThrow('METRICS_NETWORKS');
  });
});

describe('logs', () => {
  it('name route and status, never a path with its query, a key or a body', async () => {
    await start({});
    const key = `mas_${'A'.repeat(54)}`;
    const secret = { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: '{"token":"gst_very-secret"}' };
    await gate.ask('/api/v1/identity/setup?hint=very-secret', secret);
    await gate.ask('/nothing/very-secret', secret);
    const text = gate.lines.join('');
    expect(text).toContain('"route":"/api/v1/identity/*"');
    expect(text).not.toMatch(/very-secret|mas_A/);
  });
});
