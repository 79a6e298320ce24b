import { canonicalJson, constantTimeEqual, messageCode, type Pepper } from '@gatehouse/crypto';
import type { Search } from './search-request.js';

/** Where the next page goes on. */
export interface PagePlace {
  /** Position of the facts that all pages are answered from. */
  readonly facts: string;
  /** The moment that conditions on time were evaluated at, Unix milliseconds. */
  readonly nowMs: number;
  /** The next page begins behind this name; absent: with the first. */
  readonly after?: string;
  readonly limit: number;
  /** When the first page was asked for, Unix milliseconds. */
  readonly startedMs: number;
  /** Names the live facts and the policy of that page to the process that answered it. */
  readonly live?: string;
  /** How many there are, if they were counted. */
  readonly total?: number;
}

/** Longer than anybody reads pages, and short enough that a token is no key to the past. */
export const tokenLifetimeMs = 3_600_000;

const purpose = 'policy.search-page';

/**
 * What the code is made over: the tenant and the whole question but for the page, so that a token is good for nothing
 * else. A name, not a secret: a token says nothing that its holder was not told.
 */
const sealedText = (tenantId: string, { kind, request }: Search, place: string): string =>
  canonicalJson({ tenantId, kind, request, place });

/** Opaque to its holder: the place, then a code over place, question and tenant that only we can make. */
export function makePageToken(pepper: Pepper, tenantId: string, search: Search, place: PagePlace): string {
  const text = Buffer.from(JSON.stringify(place), 'utf8').toString('base64url');
  return `${text}.${messageCode(pepper, purpose, sealedText(tenantId, search, text))}`;
}

/** The place, or nothing for a token that we did not make for this question of this tenant, or that is too old. */
export function openPageToken(
  pepper: Pepper,
  tenantId: string,
  search: Search,
  token: string,
  nowMs: number,
): PagePlace | undefined {
  const dot = token.indexOf('.');
  const text = token.slice(0, Math.max(dot, 0));
  const code = messageCode(pepper, purpose, sealedText(tenantId, search, text));
  if (!constantTimeEqual(code, token.slice(dot + 1))) return undefined;
  // Ours from here on.
  const place = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as PagePlace;
  return nowMs - place.startedMs < tokenLifetimeMs ? place : undefined;
}
