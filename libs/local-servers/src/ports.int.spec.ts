import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort, freePortBlock, requireFreePort } from './ports.js';

const server = createServer();
afterEach(() => new Promise((closed) => server.close(closed)));

describe('requireFreePort', () => {
  it('names the port, the holder and the remedy', async () => {
    const port = await freePort();
    await requireFreePort(port, 'gateway', 'use --port');
    await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
    const refusal = requireFreePort(port, 'gateway', 'use --port to choose another');
    await expect(refusal).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringMatching(
        `port ${port} \\(gateway\\) is already in use( by .*\\(pid ${process.pid}\\))?; use --port to choose another`,
      ),
    });
    if (process.platform === 'linux') await expect(refusal).rejects.toThrow(`(pid ${process.pid})`);
  });
});

describe('freePortBlock', () => {
  it('gives ports in a row that outgoing connections never get', async () => {
    const first = await freePortBlock(40);
    for (let port = first; port < first + 40; port++) await requireFreePort(port, 'a service', 'choose another');
    expect(first).toBeGreaterThanOrEqual(10_000);
    if (process.platform !== 'linux') return;
    const outgoing = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
    expect(first + 40).toBeLessThanOrEqual(outgoing);
  });
});
