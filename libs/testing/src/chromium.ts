import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser that is installed, or that root may install from the system's packages. A page untested is a failure. */
function ensureChromium(): string {
  const found = process.env.CHROMIUM ?? places.find((path) => existsSync(path));
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error('pages are tested with Chromium: install it, or name its program in CHROMIUM');
  }
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } } as const;
  execFileSync('apt-get', ['update', '-qq'], options);
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options);
  const installed = places.find((path) => existsSync(path));
  if (installed === undefined) throw new Error('the package chromium was installed, and its program is nowhere');
  return installed;
}

/**
 * A headless Chromium. Whoever starts it closes it.
 *
 * @param more further flags of its command line
 */
export async function startBrowser(...more: readonly string[]): Promise<Browser> {
  // Loaded only where a browser is wanted: it is large.
  const { chromium } = await import('playwright-core');
  return chromium.launch({ executablePath: ensureChromium(), args: [...flags, ...more], timeout: 60_000 });
}
