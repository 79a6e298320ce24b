import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { waitFor } from '@gatehouse/testing';

/** Of everybody in a benchmark. */
export const password = 'bench password of many words';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @param from one of this machine's own addresses: what is counted for each address is not to stand in the way of many people */
async function post(url: string, body: object, from: string): Promise<Answer> {
  const asked = request(url, {
    method: 'POST',
    localAddress: from,
    headers: { 'content-type': 'application/json' },
    agent: false,
  });
  asked.end(JSON.stringify(body));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, text: await text(answer) };
}

/** Whom a sign-in is of, and which it is, as its access token says. */
export async function signInPerson(
  identity: string,
  email: string,
  from = '127.0.0.1',
): Promise<{ userId: string; sessionId: string }> {
  const answer = await post(`${identity}/api/v1/auth/login`, { email, password }, from);
  if (answer.status !== 200) throw new Error(`a sign-in was answered ${answer.status}`);
  const body = JSON.parse(answer.text) as { access_token: string };
  const { sub, sid } = JSON.parse(Buffer.from(body.access_token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  return { userId: sub, sessionId: sid };
}

/** Registers somebody, and verifies the address by the letter. */
export async function registerPerson(identity: string, mail: string, email: string, from = '127.0.0.1'): Promise<void> {
  const asked = await post(`${identity}/api/v1/auth/register`, { email, password }, from);
  if (asked.status !== 201) throw new Error(`a registration was answered ${asked.status}`);
  const token = await waitFor(() => linkIn(mail, email), { message: `the letter to ${email}`, timeoutMs: 30_000 });
  const verified = await post(`${identity}/api/v1/auth/verify-email`, { token, password }, from);
  if (verified.status !== 200) throw new Error(`a verification was answered ${verified.status}`);
}

function linkIn(folder: string, email: string): string | undefined {
  const letters = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return /gln_[A-Za-z0-9_-]+/.exec(letters.find((letter) => letter.startsWith(`To: ${email}\n`)) ?? '')?.[0];
}
