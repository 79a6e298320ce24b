import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '@nestjs/common';
import { z } from 'zod';
import { type OpenApiDocument, openApiDocument } from './openapi.js';
import { defineProblems } from './problem.js';
import { defineRoute, Route } from './route.js';
import { startTestApp, type TestApp } from './test-app.js';

defineProblems({ key_taken: { status: 409, title: 'The key exists' } });

const create = defineRoute({
  method: 'POST',
  path: '/api/v1/keys/:tenant/:id',
  access: { kind: 'action', action: 'key.create', resource: 'tenant/keys' },
  summary: 'Creates a key',
  params: z.object({ tenant: z.string() }),
  query: z.object({ dry: z.stringbool().default(false), limit: z.coerce.number().optional() }),
  headers: z.object({ 'if-match': z.string().optional() }),
  body: z.object({ name: z.string().max(64), expiresAt: z.iso.datetime().optional(), note: z.string().default('') }),
  response: z.object({ id: z.string(), createdAt: z.date() }),
  status: 201,
  problems: ['key_taken'],
});
const list = defineRoute({
  method: 'GET',
  path: '/api/v1/keys/:tenant/:id',
  access: { kind: 'public' },
  summary: 'Reads a key',
});

@Controller()
class Keys {
  @Route(create) create() {
    return {};
  }

  @Route(list) list() {
    return {};
  }
}

let test: TestApp;
let document: OpenApiDocument;

beforeAll(async () => {
  test = await startTestApp({ controllers: [Keys], version: '1.2.3' });
  document = (await (await fetch(`${test.url}/openapi.json`)).json()) as OpenApiDocument;
});
afterAll(() => test.close());

const path = '/api/v1/keys/{tenant}/{id}';

describe('the OpenAPI document', () => {
  it('is 3.1 of this service and version', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Gatehouse test', version: '1.2.3' } });
  });

  it('has both methods of a path, and no internal route', () => {
    expect(Object.keys(document.paths[path] ?? {}).sort()).toEqual(['get', 'post']);
    expect(Object.keys(document.paths)).not.toContain('/readyz');
  });

  it('declares each parameter of the path, and those of query and headers', () => {
    const { parameters } = (document.paths[path]?.post ?? {}) as {
      parameters: { name: string; in: string; required: boolean }[];
    };
    expect(parameters.map((parameter) => [parameter.in, parameter.name, parameter.required])).toEqual([
      ['path', 'tenant', true],
      ['path', 'id', true],
      ['query', 'dry', false],
      ['query', 'limit', false],
      ['header', 'if-match', false],
    ]);
  });

  it('describes what a body must have as it is sent, and the answer as it is received', () => {
    const operation = document.paths[path]?.post as Record<string, never>;
    expect(operation).toMatchObject({
      requestBody: { content: { 'application/json': { schema: { type: 'object', required: ['name'] } } } },
      responses: { 201: { content: { 'application/json': { schema: { required: ['id', 'createdAt'] } } } } },
    });
  });

  it('lists the problems of a route, its own included', () => {
    const { responses } = (document.paths[path]?.post ?? {}) as { responses: Record<string, { description: string }> };
    expect(Object.keys(responses)).toEqual(['201', '400', '401', '403', '409', '413', '500', '503']);
    expect(responses[409]?.description).toBe('key_taken');
  });

  it('asks for a bearer except on public routes', () => {
    expect(document.paths[path]?.post).toMatchObject({
      security: [{ bearer: [] }],
      'x-gatehouse-action': 'key.create',
    });
    expect(document.paths[path]?.get).toMatchObject({ security: [] });
    expect(document.components).toMatchObject({ securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } });
  });

  it('has unique operation ids and no dangling reference', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference);
    expect(new Set(references)).toEqual(new Set(['#/components/schemas/Problem']));
    expect(document.components).toHaveProperty('schemas.Problem');
  });

  it('refuses to describe a problem that nobody defined', () => {
    const spec = { ...list, problems: ['never_defined'] };
    const route = { method: 'GET', path: '/x', access: spec.access, summary: '', spec, series: undefined };
    expect(() => openApiDocument('x', '1', [route])).toThrow('never_defined');
  });
});
