import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type KeyProbe, keyProblem } from './key-check.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed));
});

/** Answers these, one after the other, and the last one for ever; `asked` is what it was asked. */
async function service(name: string, call: string, statuses: readonly number[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    request.setEncoding('utf8');
    let body = '';
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      response.writeHead(statuses[Math.min(asked.length, statuses.length - 1)] ?? 500).end();
      asked.push(`${request.method} ${request.url} ${authorization} ${body}`.trim());
    });
  });
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const probe: KeyProbe = { service: name, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, call };
  return { probe, asked };
}

const options = { authorization: 'Bearer mas_x', withinMs: 30_000, isKnown: false, stopping: () => false };

describe('keyProblem', () => {
  it('waits until the last service knows the key, and asks nobody any more who does', async () => {
    const policy = await service('policy', 'POST /evaluation', [401, 403, 400]);
    const vault = await service('vault', 'GET /whoami?probe', [400]);
    expect(await keyProblem([policy.probe, vault.probe], options)).toBeUndefined();
    expect(policy.asked).toEqual(Array(3).fill('POST /evaluation Bearer mas_x {}'));
    expect(vault.asked).toEqual(['GET /whoami?probe Bearer mas_x']);
  });

  it.each([
    [[401], 'policy answers 401'],
    [[403], 'policy answers 403'],
    [[200], 'policy answers 200'],
  ])('says who does not, and how: %j', async (statuses, problem) => {
    const policy = await service('policy', 'POST /evaluation', statuses);
    const vault = await service('vault', 'GET /whoami?probe', [400]);
    expect(await keyProblem([policy.probe, vault.probe], { ...options, withinMs: 0 })).toBe(problem);
  });

  it('takes no for an answer at once to a key of an earlier start, and only that', async () => {
    const policy = await service('policy', 'POST /evaluation', [503, 403, 400]);
    const vault = await service('vault', 'GET /whoami?probe', [503, 400]);
    const known = { ...options, isKnown: true };
    expect(await keyProblem([policy.probe, vault.probe], known)).toBe('policy answers 403');
    expect([policy.asked.length, vault.asked.length]).toEqual([2, 2]);
  });

  it('says who is not there', async () => {
    const probe = { service: 'audit', origin: 'http://127.0.0.1:9', call: 'GET /key?probe' };
    expect(await keyProblem([probe], { ...options, withinMs: 0 })).toBe('audit does not answer');
  });

  it('ends when everything stops', async () => {
    const policy = await service('policy', 'POST /evaluation', [401]);
    const stopping = () => policy.asked.length > 1;
    expect(await keyProblem([policy.probe], { ...options, stopping })).toBe('policy answers 401');
  });
});
