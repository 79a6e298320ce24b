import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@gatehouse/testing';

/** Of everybody in a benchmark. */
export const password = 'bench password of many words';

async function post(url: string, body: object): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** Whom a sign-in is of, and which it is, as its access token says. */
export async function signInPerson(identity: string, email: string): Promise<{ userId: string; sessionId: string }> {
  const answer = await post(`${identity}/api/v1/auth/login`, { email, password });
  const body = (await answer.json()) as { access_token: string };
  if (answer.status !== 200) throw new Error(`a sign-in was answered ${answer.status}`);
  const { sub, sid } = JSON.parse(Buffer.from(body.access_token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  return { userId: sub, sessionId: sid };
}

/** Registers somebody, and verifies the address by the letter. */
export async function registerPerson(identity: string, mail: string, email: string): Promise<void> {
  const asked = await post(`${identity}/api/v1/auth/register`, { email, password });
  if (asked.status !== 201) throw new Error(`a registration was answered ${asked.status}`);
  const token = await waitFor(() => linkIn(mail, email), { message: `the letter to ${email}`, timeoutMs: 30_000 });
  const verified = await post(`${identity}/api/v1/auth/verify-email`, { token, password });
  if (verified.status !== 200) throw new Error(`a verification was answered ${verified.status}`);
}

function linkIn(folder: string, email: string): string | undefined {
  const letters = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return /gln_[A-Za-z0-9_-]+/.exec(letters.find((letter) => letter.startsWith(`To: ${email}\n`)) ?? '')?.[0];
}
