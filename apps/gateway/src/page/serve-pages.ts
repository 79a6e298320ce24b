import { readFileSync } from 'node:fs';
import { defineRoute, ROUTE_SPEC } from '@gatehouse/http';
import type { FastifyInstance } from 'fastify';

interface Page {
  readonly path: string;
  /** Below `apps/gateway/pages`. */
  readonly file: string;
  readonly type: string;
  readonly summary: string;
}

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

const pages: readonly Page[] = [
  { path: '/', file: 'home.html', type: html, summary: 'Where to go from here' },
  { path: '/setup', file: 'setup.html', type: html, summary: "Redeems the set-up link for the owner's first key" },
  { path: '/assets/home.js', file: 'home.js', type: script, summary: 'Script of the first page' },
  { path: '/assets/setup.js', file: 'setup.js', type: script, summary: 'Script of the set-up page' },
  { path: '/assets/gatehouse.css', file: 'gatehouse.css', type: style, summary: 'Looks of both pages' },
];

/** Scripts and styles from here and nowhere else, no inline ones, no frames, no forms that leave, no images. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const pageHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** Serves the few static files of the gateway, read once. Nothing outside the table can be asked for. */
export function servePages(instance: FastifyInstance): void {
  for (const { path, file, type, summary } of pages) {
    const content = readFileSync(new URL(`../../../pages/${file}`, import.meta.url));
    serveFile(instance, path, summary, { ...pageHeaders, 'content-type': type }, content);
  }
}

/** Offers the local authority's certificate. Whoever fetches it from here must compare its printed fingerprint. */
export function serveAuthority(instance: FastifyInstance, caFile: string): void {
  const headers = { 'content-type': 'application/x-pem-file' };
  serveFile(instance, '/ca.pem', "The local authority's certificate", headers, readFileSync(caFile));
}

function serveFile(
  instance: FastifyInstance,
  path: string,
  summary: string,
  headers: Readonly<Record<string, string>>,
  content: Buffer,
): void {
  const spec = defineRoute({ method: 'GET', path, access: { kind: 'public' }, summary });
  instance.route({
    method: 'GET',
    url: path,
    config: { [ROUTE_SPEC]: spec },
    handler: (_request, reply) => void reply.headers(headers).send(content),
  });
}
