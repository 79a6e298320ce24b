import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { recordLengthBytes, responder, sealOverhead } from '@gatehouse/noise';
import { startBrowser } from '@gatehouse/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { nodePrimitives } from './node-primitives.js';

/** The library as a page loads it: its own files and those it imports, as they are. */
const places: Record<string, string> = Object.fromEntries(
  ['@gatehouse/noise', '@noble/ciphers/chacha.js', '@noble/curves/ed25519.js', '@noble/hashes/blake2.js'].map(
    (name) => {
      const entry = fileURLToPath(import.meta.resolve(name));
      return [name.split('/').slice(0, 2).join('/'), entry.slice(0, entry.lastIndexOf('/'))];
    },
  ),
);
const imports = Object.fromEntries(Object.keys(places).map((name) => [`${name}/`, `/${name}/`]));
const page = `<!doctype html><title>noise</title>
<script type="importmap">${JSON.stringify({ imports: { ...imports, '@gatehouse/noise': '/@gatehouse/noise/index.js' } })}</script>`;

let server: Server;
let browser: Awaited<ReturnType<typeof startBrowser>>;

beforeAll(async () => {
  server = createServer(({ url = '/' }, response) => {
    const [, scope, name, ...file] = url.split('/');
    const folder = places[`${scope}/${name}`];
    if (folder === undefined) return void response.setHeader('content-type', 'text/html').end(page);
    response.setHeader('content-type', 'text/javascript').end(readFileSync([folder, ...file].join('/')));
  }).listen(0, '127.0.0.1');
  browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  server?.close();
});

it('a page opens a channel to a device, which reads what it says', async () => {
  const device = nodePrimitives.generateKeyPair();
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  // Runs in the page.
  const first = await tab.evaluate(`(async () => {
    const noise = await import('@gatehouse/noise');
    window.noise = noise;
    const remoteStatic = Uint8Array.from(${JSON.stringify([...device.public])});
    window.side = noise.initiator({ static: noise.noblePrimitives.generateKeyPair(), remoteStatic });
    return [...window.side.write(new TextEncoder().encode('grant'))];
  })()`);
  const side = responder({ static: device, primitives: nodePrimitives });
  expect(Buffer.from(side.read(Uint8Array.from(first as number[]))).toString()).toBe('grant');
  const answer = [...side.write(Buffer.from('welcome'))];
  const record = await tab.evaluate(`(() => {
    const welcome = new TextDecoder().decode(window.side.read(Uint8Array.from(${JSON.stringify(answer)})));
    const into = new Uint8Array(64 + window.noise.sealOverhead);
    const length = window.side.transport().seal(new TextEncoder().encode(welcome + ' back'), into, 0);
    return [...into.slice(window.noise.recordLengthBytes, length)];
  })()`);
  expect(Buffer.from(side.transport().open(Uint8Array.from(record as number[]))).toString()).toBe('welcome back');
  expect([recordLengthBytes, sealOverhead]).toEqual([2, 36]);
});
