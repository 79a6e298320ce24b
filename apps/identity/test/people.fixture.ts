import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@gatehouse/testing';
import { type Replica, type Stack, tail } from './stack.fixture.js';

export const publicUrl = 'https://gate.example';

/** Settings of a replica whose people register with letters into a folder. */
export const peopleEnv = (stack: Stack): Record<string, string> => ({
  REGISTRATION: 'open',
  MAIL_FOLDER: join(stack.folder, 'mail'),
  PUBLIC_URL: publicUrl,
});

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the answer holds; each test says what it expects.
  readonly body: any;
}

/** Calls `METHOD /path` below `/api/v1/auth`, with an access token where there is one. */
export async function auth(replica: Replica, what: string, body?: unknown, token?: string): Promise<Reply> {
  const [method = 'GET', path = ''] = what.split(' ');
  const response = await fetch(`${replica.address}/api/v1/auth${path}`, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

export interface Registered {
  readonly userId: string;
  readonly email: string;
  readonly password: string;
}

/** The newest letter to an address; its link's secret. */
export function letterTo(stack: Stack, email: string): string | undefined {
  const folder = join(stack.folder, 'mail');
  const names = readdirSync(folder, { recursive: false }).filter((name) => String(name).endsWith('.txt'));
  const letters = names.sort().map((name) => readFileSync(join(folder, String(name)), 'utf8'));
  const own = letters.filter((letter) => letter.startsWith(`To: ${email}\n`)).at(-1);
  return own && /#(?:token=)?([A-Za-z0-9_-]+)/.exec(own)?.[1];
}

export async function register(stack: Stack, replica: Replica, email: string): Promise<Registered> {
  const password = `walnut ${email.length} thunder lantern`;
  const registered = await auth(replica, 'POST /register', { email, password, name: 'Some Body' });
  if (registered.status !== 201) throw new Error(JSON.stringify(registered.body));
  const message = () => `a letter to ${email}: ${tail(replica)}`;
  const token = await waitFor(() => safely(() => letterTo(stack, email)), { message });
  const verified = await auth(replica, 'POST /verify-email', { token, password });
  if (verified.status !== 200) throw new Error(JSON.stringify(verified.body));
  // Callers are read off the log: until then a token of this person is for a tenant that nobody knows.
  const known = async () => {
    const members = 'select from identity.known_members where user_id = $1';
    return (await stack.superuser(members, [verified.body.id])).length > 0;
  };
  await waitFor(known, { message: () => `identity knows ${email}: ${tail(replica)}` });
  return { userId: verified.body.id, email, password };
}

function safely<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

/** Signs in with the password; the answer has a token, or what a second factor needs. */
export const signIn = (replica: Replica, { email, password }: Registered, more: object = {}): Promise<Reply> =>
  auth(replica, 'POST /login', { email, password, ...more });
