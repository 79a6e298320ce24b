import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type FastifyInstance, fastify } from 'fastify';
import { parseJsonBodies } from './json-body.js';

/** Fastify with its own parser, and with ours. */
let theirs: FastifyInstance;
let ours: FastifyInstance;

beforeAll(async () => {
  [theirs, ours] = [fastify(), fastify()];
  parseJsonBodies(ours);
  for (const server of [theirs, ours]) server.post('/', (request) => JSON.stringify({ read: request.body }));
});
afterAll(() => Promise.all([theirs.close(), ours.close()]));

const read = async (server: FastifyInstance, body: string) => {
  const headers = { 'content-type': 'application/json' };
  const { statusCode, payload } = await server.inject({ method: 'POST', url: '/', headers, body });
  return [statusCode, payload];
};

const escaped = (text: string) => [...text].map((of) => `\\u00${of.charCodeAt(0).toString(16)}`).join('');

describe('a JSON body', () => {
  it.each([
    '{"__proto__":{"a":1}}',
    '{"a":[{"__proto__":{"a":1}}]}',
    `{"${escaped('__proto__')}":{"a":1}}`,
    '{"\\u005F_proto__" : {"a":1}}',
    '{"constructor":{"prototype":{"a":1}}}',
    `{"${escaped('constructor')}":{"${escaped('prototype')}":{"a":1}}}`,
    '',
    '{"a":',
    'nonsense',
  ])('%s is refused, as Fastify refuses it', async (body) => {
    const answer = await read(ours, body);
    expect(answer).toEqual(await read(theirs, body));
    expect(answer[0]).toBe(400);
  });

  it.each(['{"a":"__proto__"}', '{"constructor":1}', '\ufeff{"a":1}', '{"a":"\\u00e9"}', 'null', '7', '"text"', '[]'])(
    '%s is read, as Fastify reads it',
    async (body) => {
      const answer = await read(ours, body);
      expect(answer).toEqual(await read(theirs, body));
      expect(answer[0]).toBe(200);
    },
  );

  it('is read as Fastify reads it, whatever it holds', async () => {
    const body = fc.oneof(fc.json(), fc.string());
    await fc.assert(
      fc.asyncProperty(body, async (text) => expect(await read(ours, text)).toEqual(await read(theirs, text))),
    );
  });
});
