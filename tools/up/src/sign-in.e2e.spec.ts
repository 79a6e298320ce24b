import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startBrowser, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TOTP } from 'otpauth';
import type { APIRequestContext, Browser, BrowserContext, CDPSession, Page } from 'playwright-core';

// The first run on a new machine installs the browser.
jest.setTimeout(240_000);

const repository = join(import.meta.dirname, '../../..');
const dir = tempDir('sign-in');
const data = join(dir.path, 'data');
/** Away from the defaults and from those of the other specs: stacks of them may be running. */
const port = '18643';
const origin = `https://localhost:${port}`;
const email = 'ann@example.org';
const password = 'walnut thunder lantern';

/** What bin/up.mjs does after compiling. */
const program = `
  const { main } = await import(${JSON.stringify(join(import.meta.dirname, 'main.js'))});
  await main(process.argv.slice(1), { repository: ${JSON.stringify(repository)}, startedAtMs: 0 });
  process.exit();`;

function startAll() {
  const flags = ['--json', '--data', data, '--port', port, '--port-base', '17300'];
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, '--', ...flags], {
    cwd: repository,
    env: { ...process.env, REGISTRATION: 'open' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  return { child, output: () => output };
}

/** Passkeys need a connection without complaints, so the browser is told which key is right and nothing else. */
function trusted(): string {
  const { publicKey } = new X509Certificate(readFileSync(join(data, 'tls', 'server.pem')));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64');
}

let up: ReturnType<typeof startAll>;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let cdp: CDPSession;
/** A program that is not in the browser. */
let outside: APIRequestContext;
/** Violations of the pages' policy, uncaught errors, and answers that no test expects. */
const complaints: string[] = [];

beforeAll(async () => {
  up = startAll();
  const message = () => `the stack: ${up.output().slice(-2_000)}`;
  await waitFor(() => up.output().includes('"event":"ready"') || up.child.exitCode !== null, {
    timeoutMs: 150_000,
    message,
  });
  if (up.child.exitCode !== null) throw new Error(message());
  browser = await startBrowser(`--ignore-certificate-errors-spki-list=${trusted()}`);
  context = await browser.newContext();
  page = await context.newPage();
  outside = (await browser.newContext({ ignoreHTTPSErrors: true })).request;
  page.on('console', (entry) => {
    // A refusal is an answer: the browser calls it an error of its own, and each test says which it expects.
    if (entry.type() === 'error' && !entry.text().startsWith('Failed to load resource')) complaints.push(entry.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
});

afterAll(async () => {
  await browser?.close();
  if (!up) return;
  up.child.kill('SIGTERM');
  await waitFor(() => up.child.exitCode !== null || up.child.signalCode !== null, {
    timeoutMs: 60_000,
    message: 'the stack gone',
  });
  for (const stream of [up.child.stdout, up.child.stderr]) stream.destroy();
  dir.remove();
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' });
const heading = (name: string) => page.getByRole('heading', { name });

/** The newest letter's link, as a person would open it. */
async function linkIn(what: string): Promise<string> {
  const folder = join(data, 'mail');
  return waitFor(
    () => {
      const letters = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.txt')) : [];
      const texts = letters.sort().map((name) => readFileSync(join(folder, name), 'utf8'));
      return texts.map((text) => new RegExp(`https://\\S*/${what}#\\S+`).exec(text)?.[0]).findLast(Boolean);
    },
    { message: `a letter with a link to ${what}` },
  );
}

async function signInWithPassword(): Promise<void> {
  await page.goto(`${origin}/signin`);
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await button('Sign in').click();
}

const atHome = () => page.getByText(`Signed in as ${email}`).waitFor();

async function signOut(): Promise<void> {
  await page.goto(`${origin}/account`);
  await button('Sign out').first().click();
  await page.waitForURL(`${origin}/signin`);
}

let secret = '';
let codes: readonly string[] = [];
let lastStep = 0;

/** As a person does: the next code, when the last one was used already. */
async function nextCode(): Promise<string> {
  const now = () => TOTP.counter({ timestamp: Date.now() });
  // One step early is accepted, so there is never a whole step to wait for.
  await waitFor(() => now() + 1 > lastStep, { timeoutMs: 40_000, intervalMs: 250, message: 'the next code' });
  lastStep = Math.max(now(), lastStep + 1);
  return new TOTP({ secret }).generate({ timestamp: lastStep * 30_000 });
}

describe('a person in a browser', () => {
  it('registers, and verifies the address with the link and the password', async () => {
    await page.goto(`${origin}/register`);
    await page.getByLabel('E-mail address').fill(email);
    await page.getByLabel('Your name').fill('Ann Example');
    await page.getByLabel('Password').fill(password);
    await button('Make the account').click();
    await heading('Look into your mail').waitFor();
    await page.goto(await linkIn('verify-email'));
    expect(page.url()).toBe(`${origin}/verify-email`);
    await page.getByLabel('Password').fill(password);
    await button('Verify my address').click();
    await heading('Your address is verified').waitFor();
  });

  it('signs in with a password, and no script can read what keeps the session', async () => {
    await signInWithPassword();
    await atHome();
    expect(page.url()).toBe(`${origin}/account`);
    const readable = String(
      await page.evaluate('JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])'),
    );
    expect(readable).not.toMatch(/grt_|eyJ/);
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict' });
    await page.reload();
    await atHome();
  });

  it('adds an authenticator app and is shown recovery codes', async () => {
    await button('Add an authenticator app').click();
    await page.locator('svg.qr path').waitFor();
    secret = ((await page.locator('#totp-secret').textContent()) ?? '').replaceAll(' ', '');
    await page.getByLabel('Code that the app shows now').fill(await nextCode());
    await button('Add the app').click();
    await heading('Your recovery codes').waitFor();
    codes = await page.locator('#recovery-codes li').allTextContents();
    expect(codes).toHaveLength(10);
    await button('I have kept them').click();
    await page.locator('#factors').getByText('Authenticator app').waitFor();
  });

  it('signs in with a code of the app, after a wrong one', async () => {
    await signOut();
    await signInWithPassword();
    await page.getByLabel('Code of your authenticator app').fill('000000');
    await button('Go on').click();
    await page.getByRole('alert').getByText('was not accepted').waitFor();
    await page.getByLabel('Code of your authenticator app').fill(await nextCode());
    await button('Go on').click();
    await atHome();
  });

  it('adds a passkey', async () => {
    cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await button('Add a passkey').click();
    await page.getByLabel('Name for the passkey').fill('My laptop');
    await button('Make the passkey').click();
    await page.getByText('My laptop').waitFor();
    await page.getByText('The second factor is added.').waitFor();
  });

  it('signs in with password and passkey', async () => {
    await signOut();
    await signInWithPassword();
    await button('Use your passkey').click();
    await atHome();
  });

  it('signs in with nothing but the passkey, in a browser that forgot who it was', async () => {
    await context.clearCookies();
    await page.goto(`${origin}/account`);
    await page.waitForURL(`${origin}/signin`);
    await button('Use a passkey').click();
    await atHome();
  });

  it('signs in with a recovery code once, and not with the same one again', async () => {
    const useCode = async () => {
      await signOut();
      await signInWithPassword();
      await button('Use a recovery code').click();
      await page.getByLabel('Recovery code').fill((codes[0] ?? '').toLowerCase());
      await button('Use the recovery code').click();
    };
    await useCode();
    await atHome();
    await page.getByText('9 recovery codes left.').waitFor();
    await useCode();
    await page.getByRole('alert').getByText('was not accepted').waitFor();
    await page.getByLabel('Recovery code').fill(codes[1] ?? '');
    await button('Use the recovery code').click();
    await atHome();
  });

  it('sees other sign-ins and ends one', async () => {
    const others = page.locator('#sessions').getByRole('button');
    expect(await others.count()).toBeGreaterThanOrEqual(1);
    expect(await page.getByText('this one').count()).toBe(1);
    for (let left = await others.count(); left > 0; left--) {
      await others.first().click();
      await waitFor(async () => (await others.count()) < left, { message: 'one sign-in less' });
    }
  });

  it('lets a device in by the code that it shows, after seeing what asks', async () => {
    const form = { client_id: 'gatehouse-cli', scope: 'openid offline_access logs.read' };
    const begun = await (await outside.post(`${origin}/oidc/device/auth`, { form })).json();
    expect(begun.verification_uri).toBe(`${origin}/device`);
    await page.goto(begun.verification_uri);
    await page.getByLabel('Code that the device shows').fill(String(begun.user_code).toLowerCase());
    await button('Go on').click();
    await page.getByText('Gatehouse command line').waitFor();
    await page.getByText('logs.read').waitFor();
    await button('Allow').click();
    await heading('Allowed').waitFor();
    const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: begun.device_code };
    const tokens = await outside.post(`${origin}/oidc/token`, { form: { ...grant, client_id: form.client_id } });
    expect([tokens.status(), Object.keys(await tokens.json())]).toEqual([
      200,
      expect.arrayContaining(['access_token']),
    ]);
  });

  it('goes on to an application that asked, over the sign-in and its own consent', async () => {
    const calls: string[] = [];
    const application = createServer((request, response) => {
      calls.push(request.url ?? '');
      response.setHeader('content-type', 'text/plain').end('welcome');
    });
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    const redirectUri = `http://127.0.0.1:${(application.address() as AddressInfo).port}/callback`;
    const query = new URLSearchParams({
      client_id: 'gatehouse-cli',
      response_type: 'code',
      scope: 'openid email',
      redirect_uri: redirectUri,
      state: 'abc',
      code_challenge: createHash('sha256').update('v'.repeat(43)).digest('base64url'),
      code_challenge_method: 'S256',
    });
    await signOut();
    await page.goto(`${origin}/oidc/auth?${query}`);
    await page.getByText('to go on to').waitFor();
    expect(new URL(page.url()).pathname).toBe('/signin');
    await button('Use a passkey').click();
    await heading('Allow an application?').waitFor();
    await page.getByText('see your e-mail address').waitFor();
    await button('Allow').click();
    await page.getByText('welcome').waitFor();
    application.close();
    const answer = new URLSearchParams(calls[0]?.split('?')[1]);
    expect([answer.get('state'), answer.get('code')?.length, answer.get('error')]).toEqual([
      'abc',
      expect.any(Number),
      null,
    ]);
    await page.goto(`${origin}/account`);
    await atHome();
  });

  it('is led nowhere else by an address that somebody else made', async () => {
    await signOut();
    for (const query of ['next=https://evil.example', 'interaction=https://evil.example', 'redirect=//evil.example']) {
      const answer = await page.goto(`${origin}/signin?${query}`);
      if (answer?.status() === 400) continue;
      await button('Use a passkey').click();
      await page.waitForURL((url) => url.pathname !== '/signin');
      expect(new URL(page.url()).origin).toBe(origin);
      await signOut();
    }
  });

  it('never saw a page break its own rules', () => {
    expect(complaints).toEqual([]);
  });
});
