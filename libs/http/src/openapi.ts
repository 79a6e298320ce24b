import { z } from 'zod';
import { allProblems, ProblemError } from './problem.js';
import type { RouteSpec } from './route.js';
import type { ServedRoute } from './route-table.js';
import { PROBLEM_CONTENT_TYPE } from './send-problem.js';

type Json = Record<string, unknown>;

/** Name of what a `*` at the end of a path stands for, slashes included. */
const REST = 'path';

/** An OpenAPI 3.1 document; its schemas are JSON Schema 2020-12. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: Json;
}

/**
 * Describes the routes of a service from the same specifications that serve them, so the document cannot drift.
 * Internal routes are left out: nobody outside can call them.
 */
export function openApiDocument(service: string, version: string, routes: readonly ServedRoute[]): OpenApiDocument {
  const paths: Record<string, Record<string, Json>> = {};
  for (const { method, path, spec } of routes) {
    if (spec === undefined || spec.forwarded || spec.access.kind === 'internal' || method !== spec.method) continue;
    const template = path.replace(/:([A-Za-z0-9_]+)/g, '{$1}').replace(/\*$/, `{${REST}}`);
    paths[template] = { ...paths[template], [method.toLowerCase()]: operation(spec, path) };
  }
  return {
    openapi: '3.1.0',
    info: { title: `Gatehouse ${service}`, version },
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: PROBLEM_SCHEMA },
    },
  };
}

const PROBLEM_SCHEMA: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
    traceId: { type: 'string', pattern: '^[0-9a-f]{32}$' },
  },
};

function operation(spec: RouteSpec, path: string): Json {
  const parameters = [
    ...pathParameters(path, spec.params),
    ...parametersOf('query', spec.query),
    ...parametersOf('header', spec.headers),
  ];
  const { access } = spec;
  const body = spec.body ?? spec.documentedBody;
  return {
    operationId: `${spec.method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+/g, '_')}`,
    summary: spec.summary,
    ...(access.kind === 'action' ? { 'x-gatehouse-action': access.action } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonContent(body, 'input') } }),
    responses: responses(spec),
    security: access.kind === 'public' ? [] : [{ bearer: [] }],
  };
}

function jsonContent(schema: z.ZodType, io: 'input' | 'output'): Json {
  return { 'application/json': { schema: jsonSchema(schema, io) } };
}

/** Transforms and custom types have no JSON Schema; they appear as "anything" instead of failing the document. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    target: 'draft-2020-12',
  });
  return rest;
}

function parametersOf(place: 'query' | 'header' | 'path', schema: z.ZodObject | undefined): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

/** OpenAPI wants every `{name}` of a path declared, with or without a schema of ours. */
function pathParameters(path: string, schema: z.ZodObject | undefined): Json[] {
  const declared = new Map(parametersOf('path', schema).map((parameter) => [parameter.name, parameter]));
  const names = [...path.matchAll(/:([A-Za-z0-9_]+)/g)].map(([, name = '']) => name);
  const rest = path.endsWith('*') ? [{ ...declared.get('*'), ...pathParameter(REST) }] : [];
  return [...names.map((name) => declared.get(name) ?? pathParameter(name)), ...rest];
}

const pathParameter = (name: string): Json => ({ name, in: 'path', required: true, schema: { type: 'string' } });

function responses(spec: RouteSpec): Json {
  const status = spec.status ?? 200;
  const success: Json = { description: 'Success' };
  if (spec.response !== undefined) success.content = jsonContent(spec.response, 'output');
  const documented: Json = { [status]: success };
  for (const [problemStatus, codes] of problemsByStatus(spec)) {
    documented[problemStatus] = {
      description: codes.join(', '),
      content: errorContent(spec),
    };
  }
  return documented;
}

const errorContent = ({ errorForm }: RouteSpec): Json =>
  errorForm
    ? jsonContent(errorForm.schema, 'output')
    : { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } };

function problemsByStatus(spec: RouteSpec): Map<number, string[]> {
  const needsCaller = spec.access.kind === 'authenticated' || spec.access.kind === 'action';
  const codes = [
    'validation_failed',
    ...(needsCaller ? ['unauthenticated'] : []),
    ...(spec.access.kind === 'action' ? ['forbidden'] : []),
    ...((spec.body ?? spec.documentedBody) === undefined
      ? []
      : ['malformed_body', 'unsupported_media_type', 'payload_too_large']),
    ...(spec.problems ?? []),
    'internal',
    'unavailable',
  ];
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    if (!allProblems().has(code)) throw new Error(`${spec.method} ${spec.path} names the unknown problem "${code}"`);
    const problem = new ProblemError(code);
    const { status } = spec.errorForm?.answerOf(problem) ?? problem;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}
