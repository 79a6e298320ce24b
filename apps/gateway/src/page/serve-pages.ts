import { readFileSync } from 'node:fs';
import { defineRoute, ROUTE_SPEC } from '@gatehouse/http';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

interface Page {
  readonly path: string;
  /** Below `apps/gateway/pages`. */
  readonly file: string;
  readonly type: string;
  readonly summary: string;
  /** What its address may say behind `?`; nothing unless given. */
  readonly query?: z.ZodObject;
}

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

/** A page and the script it loads. */
const withScript = (name: string, summary: string, query?: z.ZodObject): readonly Page[] => [
  { path: `/${name}`, file: `${name}.html`, type: html, summary, ...(query && { query }) },
  { path: `/assets/${name}.js`, file: `${name}.js`, type: script, summary: `Script of /${name}` },
];

const shared = (name: string, summary: string): Page => ({
  path: `/assets/${name}.js`,
  file: `${name}.js`,
  type: script,
  summary,
});

/** The sign-in of an application that waits, by its name; the scripts check the form. */
const interaction = z.string().max(128).optional();
/** Where to go on afterwards: one of our own pages by its name, never an address. */
const next = z.enum(['device', 'invitation']).optional();

const pages: readonly Page[] = [
  { path: '/', file: 'home.html', type: html, summary: 'Where to go from here' },
  shared('home', 'Script of the first page'),
  { path: '/assets/gatehouse.css', file: 'gatehouse.css', type: style, summary: 'Looks of all pages' },
  shared('gate', 'What pages of people share: asking the API, telling problems, the session'),
  shared('passkey', 'Making and using passkeys'),
  shared('enrol', 'Adding a second factor'),
  shared('scopes', 'What an application asks for, in words'),
  ...withScript('setup', "Redeems the set-up link for the owner's first key"),
  ...withScript('signin', 'Signs a person in', z.object({ interaction, next })),
  ...withScript('register', 'Makes an account'),
  ...withScript('verify-email', 'Verifies an address with the link of a letter'),
  ...withScript('reset', 'Resets a password'),
  { path: '/reset-password', file: 'reset.html', type: html, summary: 'The same, as letters name it' },
  ...withScript('invitation', 'Shows an invitation and accepts it'),
  ...withScript('account', 'The own account: second factors, sessions, profile, password'),
  ...withScript('device', 'Lets a device act for a person'),
  ...withScript('consent', 'Lets an application act for a person', z.object({ interaction })),
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
  for (const page of pages) {
    const content = readFileSync(new URL(`../../../pages/${page.file}`, import.meta.url));
    serveFile(instance, page, { ...pageHeaders, 'content-type': page.type }, content);
  }
}

/** Offers the local authority's certificate. Whoever fetches it from here must compare its printed fingerprint. */
export function serveAuthority(instance: FastifyInstance, caFile: string): void {
  const headers = { 'content-type': 'application/x-pem-file' };
  const file = { path: '/ca.pem', summary: "The local authority's certificate" };
  serveFile(instance, file, headers, readFileSync(caFile));
}

function serveFile(
  instance: FastifyInstance,
  { path, summary, query }: Pick<Page, 'path' | 'summary' | 'query'>,
  headers: Readonly<Record<string, string>>,
  content: Buffer,
): void {
  const spec = defineRoute({ method: 'GET', path, access: { kind: 'public' }, summary, ...(query && { query }) });
  instance.route({
    method: 'GET',
    url: path,
    config: { [ROUTE_SPEC]: spec },
    handler: (_request, reply) => void reply.headers(headers).send(content),
  });
}
