import { waitFor } from '@gatehouse/testing';

/** What any answer of the API may hold, as far as tests read it. */
export interface AnswerBody {
  readonly code: string;
  readonly detail: string;
  readonly keyId: string;
  readonly key: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly expiresAt: string;
  readonly ownerId: string;
  readonly keys: readonly AnswerBody[];
  readonly nextCursor: string | null;
  readonly projections: readonly { name: string; rebuildRequested: boolean; lastRebuild: unknown }[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
}

export interface Call {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends `METHOD /path`, a body as JSON. */
export function send({ address }: { readonly address: string }, what: string, call: Call = {}): Promise<Response> {
  const [method = 'GET', path = ''] = what.split(' ');
  return fetch(`${address}/api/v1/identity${path}`, {
    method,
    headers: {
      ...(call.key !== undefined && { authorization: `Bearer ${call.key}` }),
      ...(call.body !== undefined && { 'content-type': 'application/json' }),
      ...call.headers,
    },
    ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
  });
}

/** Calls `METHOD /path` of a replica's API. */
export async function api(replica: { readonly address: string }, what: string, call: Call = {}): Promise<Answer> {
  const response = await send(replica, what, call);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

/** A key works as soon as its event has been projected: milliseconds after it was made. */
export const works = (replica: { readonly address: string }, key: string): Promise<true> =>
  waitFor(async () => (await api(replica, 'GET /me', { key })).status === 200, {
    message: 'the key to work',
  });
