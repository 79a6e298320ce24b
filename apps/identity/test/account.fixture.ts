import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@gatehouse/testing';
import { decodeJwt } from 'jose';

export interface AuthBody {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
  readonly tenant_name: string;
  readonly created_at: string;
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly session_id: string;
  readonly tenant: string | null;
  readonly tenants: readonly { id: string; name: string; role: string }[];
  readonly code: string;
  readonly challenge: string;
  readonly factors: readonly string[];
  readonly methods: readonly string[];
  readonly ended: number;
  readonly errors: readonly { path: string; message: string }[];
  readonly sessions: readonly { id: string; current: boolean; ip: string; user_agent: string }[];
  readonly has_password: boolean;
  readonly traceId: string;
}

export interface AuthAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AuthBody;
  readonly text: string;
}

export interface AuthCall {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls `METHOD /path` below `/api/v1/auth`. */
export async function auth(at: { readonly address: string }, what: string, call: AuthCall = {}): Promise<AuthAnswer> {
  const [method = 'GET', path = ''] = what.split(' ');
  const response = await fetch(`${at.address}/api/v1/auth${path}`, {
    method,
    headers: {
      ...(call.token !== undefined && { authorization: `Bearer ${call.token}` }),
      ...(call.body !== undefined && { 'content-type': 'application/json' }),
      ...call.headers,
    },
    ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
    text,
  };
}

/** Letters in a folder, oldest first. */
export function lettersTo(folder: string, email: string): readonly string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  const texts = names.sort().map((name) => readFileSync(join(folder, name), 'utf8'));
  return texts.filter((text) => text.startsWith(`To: ${email}\n`));
}

/** The token of the newest letter to somebody, once there are so many. */
export async function tokenFor(
  folder: string,
  email: string,
  letters = 1,
  pattern = /#token=(gln_[A-Za-z0-9_-]{43})/,
): Promise<string> {
  const found = await waitFor(
    () => {
      const all = lettersTo(folder, email);
      return all.length >= letters ? all : undefined;
    },
    { message: `letter ${letters} to ${email}` },
  );
  const token = pattern.exec(found.at(-1) ?? '')?.[1];
  if (token === undefined) throw new Error('the letter has no link');
  return token;
}

export const goodPassword = 'wombat tray lantern';

/** Registers somebody and verifies the address. */
export async function registerPerson(
  at: { readonly address: string },
  folder: string,
  email: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<AuthBody> {
  const body = { email, password: goodPassword, ...more };
  const registered = await auth(at, 'POST /register', { body });
  if (registered.status !== 201) throw new Error(registered.text);
  const token = await tokenFor(folder, email);
  const verified = await auth(at, 'POST /verify-email', { body: { token, password: body.password } });
  if (verified.status !== 200) throw new Error(verified.text);
  return verified.body;
}

export const login = (
  at: { readonly address: string },
  email: string,
  password = goodPassword,
  more: AuthCall & { readonly tenant?: string } = {},
): Promise<AuthAnswer> =>
  auth(at, 'POST /login', {
    body: { email, password, ...(more.tenant !== undefined && { tenant: more.tenant }) },
    ...(more.headers && { headers: more.headers }),
  });

export const claimsOf = (accessToken: string) => decodeJwt(accessToken);
