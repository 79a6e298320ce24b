import { startBrowser } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type Service, startService, startTestGateway, type TestGateway } from './gateway.fixture.js';

// The first run on a new machine installs the browser.
jest.setTimeout(240_000);

const everyPage = [
  '/',
  ...['/setup', '/signin', '/register', '/verify-email', '/reset', '/invitation', '/account', '/device', '/consent'],
];

const token = `gst_${'t'.repeat(43)}`;
const key = `mau_${'k'.repeat(54)}`;
const made = {
  key,
  tenantId: 'main',
  keyId: '0190a1b2-0000-7000-8000-00000000000a',
  principal: { type: 'user', id: '0190a1b2-0000-7000-8000-000000000001' },
};

let identity: Service;
let gate: TestGateway;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the page had to say to the console: violations of its policy, uncaught errors. */
let complaints: string[];

beforeAll(async () => {
  identity = await startService();
  gate = await startTestGateway({
    upstreams: { identity: identity.url, policy: identity.url, vault: identity.url, audit: identity.url },
  });
  browser = await startBrowser();
});

beforeEach(async () => {
  identity.asked.length = 0;
  answerWith(201, made);
  await context?.close();
  context = await browser.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
});

afterAll(async () => {
  await browser?.close();
  await gate?.stop();
  await identity?.close();
});

function answerWith(status: number, document: object, headers: Readonly<Record<string, string>> = {}): void {
  identity.answer = (_request, response) => {
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(document));
  };
}

const openLink = (hash = `#${token}`) => page.goto(`${gate.origin}/setup${hash}`);
const visible = (selector: string) => page.locator(selector).waitFor({ state: 'visible' });
const redeem = () => page.getByRole('button', { name: 'Show my key' }).click();

describe('the set-up page', () => {
  it('takes the secret out of the address at once, and asks nobody before a person does', async () => {
    await openLink();
    await visible('#redeem');
    expect(page.url()).toBe(`${gate.origin}/setup`);
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2);
    expect(await page.content()).not.toContain(token);
    expect(identity.asked).toEqual([]);
    await page.reload();
    expect(page.url()).toBe(`${gate.origin}/setup`);
  });

  it('redeems the link once, shows the key, copies it, and says what to do next', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: gate.origin });
    await openLink();
    await redeem();
    await visible('#done');
    expect(identity.asked.map(({ method, url, body }) => [method, url, JSON.parse(body)])).toEqual([
      ['POST', '/api/v1/identity/setup', { token }],
    ]);
    expect(identity.asked[0]?.headers.referer).toBeUndefined();
    expect(await page.textContent('#key')).toBe(key);
    expect(await page.textContent('#login')).toBe(`gatehouse login --url ${gate.origin} --api-key-stdin`);
    expect(await page.textContent('#owner')).toBe(`user/${made.principal.id}`);
    expect(await page.evaluate('document.activeElement.id')).toBe('done-title');
    expect(await page.locator('#begin').isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied.').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(key);
    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
    expect(stored).toBe('[{},{},""]');
    expect(complaints).toEqual([]);
  });

  it('selects the key where copying is not allowed', async () => {
    await openLink();
    await redeem();
    await visible('#done');
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Selected').waitFor();
    expect(String(await page.evaluate('String(getSelection())')).trim()).toBe(key);
  });

  it.each([
    [401, 'setup_link_invalid', 'does not work any more', 'offer-setup'],
    [429, 'rate_limited', 'Too many attempts', 'Wait a minute'],
    [503, 'unavailable', 'cannot answer just now', 'Try again'],
    [500, 'internal', 'The request failed', 'trace id'],
  ])('explains %i %s', async (status, code, heading, advice) => {
    answerWith(status, { status, code, title: 'The request failed', traceId: '4bf92f3577b34da6a3ce929d0e0e4736' });
    await openLink();
    await redeem();
    await visible('#problem');
    const alert = page.getByRole('alert');
    expect(await alert.textContent()).toContain(heading);
    expect(await alert.textContent()).toContain(advice);
    expect(await alert.textContent()).toContain('Trace 4bf92f3577b34da6a3ce929d0e0e4736');
  });

  it('can be tried again after a passing failure, with the same link', async () => {
    answerWith(503, { status: 503, code: 'unavailable' });
    await openLink();
    await redeem();
    await visible('#problem');
    answerWith(201, made);
    await redeem();
    await visible('#done');
    expect(await page.locator('#problem').isVisible()).toBe(false);
    expect(identity.asked.map(({ body }) => JSON.parse(body).token)).toEqual([token, token]);
  });

  it('explains a gateway that is not reached', async () => {
    await openLink();
    await context.setOffline(true);
    await redeem();
    await visible('#problem');
    expect(await page.getByRole('alert').textContent()).toContain('was not reached');
  });

  it('takes a pasted link where there is none in the address, and refuses what is none', async () => {
    await openLink('');
    await page.getByLabel('Set-up link').fill('gst_short');
    await redeem();
    await visible('#problem');
    expect(await page.getByRole('alert').textContent()).toContain('not a set-up link');
    expect(identity.asked).toEqual([]);
    await page.getByLabel('Set-up link').fill(` https://localhost:8443/setup#${token} `);
    await redeem();
    await visible('#done');
    expect(JSON.parse(identity.asked[0]?.body ?? '{}')).toEqual({ token });
  });

  it('says so when the part behind # is no token', async () => {
    await openLink('#something');
    await visible('#problem');
    expect(await page.locator('#link').isVisible()).toBe(true);
  });
});

describe('all pages', () => {
  it.each(everyPage)('%s runs no inline script, and nothing from elsewhere', async (path) => {
    const { headers, text } = await gate.ask(path);
    const policy = headers['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(text).not.toMatch(/<script(?![^>]*src=)|\son\w+=|style=|https?:\/\//);
  });

  it.each(['/', '/signin'])('%s runs nothing that was put into it', async (path) => {
    await page.goto(gate.origin + path);
    await page.evaluate(`
      const script = document.createElement('script');
      script.textContent = 'globalThis.injected = true';
      document.body.append(script);`);
    expect(await page.evaluate('globalThis.injected')).toBeUndefined();
    expect(complaints.join()).toContain('Content Security Policy');
  });

  it.each(['light', 'dark'] as const)(
    'can be read in %s: text contrasts with its ground by 4.5 at least',
    async (scheme) => {
      await page.emulateMedia({ colorScheme: scheme });
      for (const path of everyPage) {
        await page.goto(gate.origin + path);
        const colours = (await page.evaluate(`['body', 'a, button', '.panel'].flatMap((selector) =>
        [...document.querySelectorAll(selector)].map((element) => {
          const style = getComputedStyle(element);
          const ground = style.backgroundColor === 'rgba(0, 0, 0, 0)' ? getComputedStyle(document.body) : style;
          return [style.color, ground.backgroundColor];
        }))`)) as [string, string][];
        expect(colours.length).toBeGreaterThan(1);
        for (const [text, ground] of colours) expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
      }
    },
  );

  it('have one heading, a language, a label for everything one can use, and fit a narrow screen', async () => {
    await page.setViewportSize({ width: 320, height: 600 });
    for (const path of everyPage) {
      await page.goto(gate.origin + path);
      expect(await page.locator('h1').count()).toBe(1);
      expect(await page.getAttribute('html', 'lang')).toBe('en');
      const nameless = await page.evaluate(`[...document.querySelectorAll('input, select, button, a, output')].filter(
        (element) => !(element.labels?.length || element.textContent.trim() || element.getAttribute('aria-label'))).length`);
      expect([path, nameless]).toEqual([path, 0]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
    }
  });

  it('fit a narrow screen without scrolling sideways', async () => {
    await page.setViewportSize({ width: 320, height: 600 });
    await openLink();
    await redeem();
    await visible('#done');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320);
  });
});

describe('pages that a link leads to', () => {
  it.each(['verify-email', 'reset', 'reset-password', 'invitation'])(
    '/%s takes the secret out of the address at once, and keeps it nowhere',
    async (name) => {
      answerWith(200, { name: 'Acme', role: 'viewer' });
      await page.goto(`${gate.origin}/${name}#token=gln_${'t'.repeat(43)}`);
      await page.locator('h1').waitFor();
      await page.waitForFunction('location.hash === ""');
      expect(page.url()).toBe(`${gate.origin}/${name}`);
      const stored = await page.evaluate(
        'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
      );
      expect(stored).toBe('[{},{},""]');
      for (const { url, headers } of identity.asked) expect([url, headers.referer]).not.toContain('gln_');
      expect(complaints).toEqual([]);
    },
  );
});

describe('the page to sign in', () => {
  const fill = async () => {
    await page.getByLabel('E-mail address').fill('ann@example.org');
    await page.getByLabel('Password').fill('walnut thunder lantern');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  };

  it('goes on within this origin only, whatever the service answers', async () => {
    const interaction = 'i'.repeat(21);
    answerWith(200, {
      access_token: 'a.b.c',
      location: 'https://evil.example/steal',
      client: { title: 'App' },
      prompt: 'login',
    });
    await page.goto(`${gate.origin}/signin?interaction=${interaction}`);
    await fill();
    await page.getByRole('alert').getByText('not one of ours').waitFor();
    expect(new URL(page.url()).origin).toBe(gate.origin);
  });

  it('shows what an answer says as text, never as markup', async () => {
    const title = '<img src=x onerror=globalThis.injected=true>';
    answerWith(200, { client: { title }, prompt: 'login' });
    await page.goto(`${gate.origin}/signin?interaction=${'i'.repeat(21)}`);
    await page.getByText(title).waitFor();
    expect(await page.evaluate('globalThis.injected')).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  it('marks the field that is wrong, says so, and empties the password', async () => {
    answerWith(400, { code: 'validation_failed', errors: [{ path: 'body.email', message: 'is not an address' }] });
    await page.goto(`${gate.origin}/signin`);
    await fill();
    await page.getByText('is not an address').waitFor();
    expect(await page.getAttribute('#email', 'aria-invalid')).toBe('true');
    expect(await page.inputValue('#password')).toBe('');
    expect(await page.evaluate('document.activeElement.id')).toBe('email');
  });

  it('sends the header that no form of another site can, and no password in an address', async () => {
    answerWith(401, { code: 'second_factor_required', challenge: 'gch_x', factors: ['totp', 'recovery'] });
    await page.goto(`${gate.origin}/signin`);
    await fill();
    await page.getByLabel('Code of your authenticator app').waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('code');
    const [login] = identity.asked.filter(({ method }) => method === 'POST');
    expect(login?.headers['x-gatehouse-request']).toBe('1');
    expect(JSON.parse(login?.body ?? '')).toMatchObject({ cookie: true });
    expect(identity.asked.map(({ url }) => url).join()).not.toContain('walnut');
  });
});

describe('the first page', () => {
  it('shows which services are ready', async () => {
    answerWith(503, { status: 'not ready' });
    await page.goto(gate.origin);
    await page.getByText('not ready').first().waitFor();
    expect(await page.locator('#services dt').allTextContents()).toEqual([
      'identity',
      'policy',
      'vault',
      'registry',
      'relay',
      'audit',
    ]);
    expect(complaints).toEqual([]);
  });
});

/** Contrast of two `rgb()` colours (WCAG 2.2, 1.4.3). */
function contrast(a: string, b: string): number {
  const [bright = 0, dark = 0] = [a, b].map(luminance).sort((x, y) => y - x);
  return (bright + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
