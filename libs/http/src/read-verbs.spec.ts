import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { vaultVerbs } from './read-verbs.js';
import { Caller, defineRoute, Input, Route } from './route.js';
import type { InputOf } from './route-input.js';
import { AS_ALICE, latch, sendRaw, startTestApp, type TestApp, until } from './test-app.js';

const shelf = defineRoute({
  method: 'GET',
  path: '/v1/*',
  access: { kind: 'authenticated' },
  summary: 'Tells what it was asked',
  params: z.object({ '*': z.string() }),
  query: z.object({ list: z.string().optional(), after: z.string().optional() }),
});
const slow = defineRoute({
  method: 'GET',
  path: '/v1/slow',
  access: { kind: 'public' },
  summary: 'Answers when the spec says so',
});
const held = latch();
const box = defineRoute({
  method: 'POST',
  path: '/v1/box',
  access: { kind: 'public' },
  summary: 'Takes a thing',
  body: z.object({ thing: z.string() }),
});

@Controller()
class Shelves {
  @Route(shelf) shelf(@Input() { params, query }: InputOf<typeof shelf>, @Caller() { id }: { id: string }) {
    return { path: params['*'], ...query, id };
  }

  @Route(slow) async slow() {
    await held.opened;
    return { slow: true };
  }

  @Route(box) box(@Input() { body }: InputOf<typeof box>) {
    return body;
  }
}

let test: TestApp;

beforeAll(async () => {
  test = await startTestApp({
    controllers: [Shelves],
    readVerbs: vaultVerbs,
  });
});
afterAll(() => test.close());

const lines = (...text: string[]) => text.join('\r\n');
const alice = 'Authorization: Bearer alice';
const bodyOf = (answer: string) => answer.slice(answer.indexOf('\r\n\r\n') + 4);

/** Sends packets one after the other, each once the server has read the one before. */
async function sendPackets(packets: readonly string[]): Promise<string> {
  let theirs: Socket | undefined;
  const { server } = test.app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  server.once('connection', (socket) => {
    theirs = socket;
  });
  const socket = connect({ port: test.port, host: '127.0.0.1', noDelay: true });
  const closed = once(socket, 'close');
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk;
  });
  let sent = 0;
  for (const packet of packets) {
    socket.write(packet);
    sent += packet.length;
    await until(() => theirs?.bytesRead === sent);
  }
  await closed;
  return answer;
}

describe('verbs that Node does not know', () => {
  it('LIST is a GET that lists, with the caller, the limits and the headers of one', async () => {
    const answer = await sendRaw(test.port, lines('LIST /v1/a/b?after=x HTTP/1.1', 'Host: x', alice, '', ''));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toContain('x-content-type-options: nosniff');
    expect(bodyOf(answer)).toContain(JSON.stringify({ path: 'a/b', list: 'true', after: 'x', id: 'alice' }));
  });

  it('works from a client of Node on a connection that was used before', async () => {
    const ask = (method: string, path: string, body?: string) =>
      new Promise<string>((resolve, reject) => {
        const headers = { ...AS_ALICE, ...(body && { 'content-type': 'application/json' }) };
        const out = request({ port: test.port, host: '127.0.0.1', method, path, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve(text));
        });
        out.on('error', reject).end(body);
      });
    for (let i = 0; i < 5; i++) {
      expect(JSON.parse(await ask('POST', '/v1/box', '{"thing":"cup"}'))).toEqual({ thing: 'cup' });
      expect(JSON.parse(await ask('LIST', '/v1/a'))).toEqual({ path: 'a', list: 'true', id: 'alice' });
    }
  });

  it('reads headers that come later', async () => {
    const answer = await sendPackets(['LIST /v1/a HTTP/1.1\r\nHost: x\r\n', `${alice}\r\n`, '\r\n']);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('answers errors as those of any route', async () => {
    expect(await sendRaw(test.port, lines('LIST /v1/a HTTP/1.1', 'Host: x', '', ''))).toMatch(/^HTTP\/1\.1 401 /);
    const unknown = await sendRaw(test.port, lines('SCAN /v1/a HTTP/1.1', 'Host: x', alice, '', ''));
    expect(unknown).toMatch(/^HTTP\/1\.1 400 .*\r\n/);
    expect(bodyOf(unknown)).toContain('query.scan');
  });

  it('nothing is read behind such a request', async () => {
    const hidden = lines('GET /v1/hidden HTTP/1.1', 'Host: x', alice, '', '');
    const answer = await sendRaw(test.port, lines('LIST /v1/a HTTP/1.1', 'Host: x', alice, '', '') + hidden);
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    const withBody = lines('LIST /v1/a HTTP/1.1', 'Host: x', alice, `Content-Length: ${hidden.length}`, '', hidden);
    expect((await sendRaw(test.port, withBody)).match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(answer + withBody).not.toContain('"path":"hidden"');
  });

  it.each([
    ['elsewhere', 'LIST /livez HTTP/1.1'],
    ['another verb', 'PICK /v1/a HTTP/1.1'],
    ['a longer word', 'UNLIST /v1/a HTTP/1.1'],
    ['small letters', 'list /v1/a HTTP/1.1'],
    ['HTTP/1.0', 'LIST /v1/a HTTP/1.0'],
    ['two spaces', 'LIST  /v1/a HTTP/1.1'],
    ['a space in the target', 'LIST /v1/a b HTTP/1.1'],
    ['a fragment', 'LIST /v1/a#b HTTP/1.1'],
    ['a lone line feed', 'LIST /v1/a HTTP/1.1\nHost: x'],
    ['a carriage return within', 'LIST /v1/a\rx HTTP/1.1'],
    ['an absolute target', 'LIST http://x/v1/a HTTP/1.1'],
  ])('%s is refused as before', async (_name, line) => {
    expect(await sendRaw(test.port, lines(line, 'Host: x', alice, '', ''))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('both lengths at once are refused by the second parser as by the first', async () => {
    const both = ['Content-Length: 5', 'Transfer-Encoding: chunked'];
    const answer = await sendRaw(test.port, lines('LIST /v1/a HTTP/1.1', 'Host: x', alice, ...both, '', '0', '', ''));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('is not mixed into an answer that is under way', async () => {
    const first = lines('GET /v1/first HTTP/1.1', 'Host: x', alice, '', '');
    const answer = await sendRaw(test.port, first + lines('LIST /v1/a HTTP/1.1', 'Host: x', alice, '', ''));
    expect(answer).not.toContain('"list"');
  });

  it('sent before an answer is there, it does not take the place of that answer', async () => {
    const first = lines('GET /v1/slow HTTP/1.1', 'Host: x', '', '');
    const answer = await sendPackets([first, lines('LIST /v1/a HTTP/1.1', 'Host: x', alice, '', '')]);
    held.open();
    expect(answer).not.toContain('"list"');
  });
});
