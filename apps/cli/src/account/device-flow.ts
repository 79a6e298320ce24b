/** What a device flow (RFC 8628) begins with. */
export interface DeviceCode {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  /** Seconds. */
  readonly expires_in: number;
  /** Seconds between two questions; 5 unless given (RFC 8628 3.2). */
  readonly interval?: number;
}

/** What came of one question: an error code of OAuth, nothing at all, or the tokens. */
export type Polled = { readonly error: string } | 'no_answer' | 'tokens';

export type NextPoll =
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'over'; readonly reason: 'denied' | 'expired' | 'refused'; readonly error: string };

const slowDownSeconds = 5;
const mostSeconds = 60;

/**
 * When to ask again. `slow_down` adds five seconds for good, a question that got no answer doubles the time (RFC 8628 3.5).
 *
 * @param seconds that were waited before this question
 */
export function nextPoll(polled: Polled, seconds: number): NextPoll {
  if (polled === 'tokens') return { kind: 'done' };
  if (polled === 'no_answer') return { kind: 'wait', seconds: Math.min(Math.max(1, seconds * 2), mostSeconds) };
  const { error } = polled;
  if (error === 'authorization_pending') return { kind: 'wait', seconds };
  if (error === 'slow_down') return { kind: 'wait', seconds: seconds + slowDownSeconds };
  if (error === 'access_denied') return { kind: 'over', reason: 'denied', error };
  if (error === 'expired_token') return { kind: 'over', reason: 'expired', error };
  return { kind: 'over', reason: 'refused', error };
}

/** The program that shows an address in a browser, where somebody sits at one; undefined: there is none to be seen. */
export function browserProgram(
  platform: NodeJS.Platform,
  env: Readonly<Record<string, string | undefined>>,
): 'open' | 'xdg-open' | undefined {
  if (env.SSH_CONNECTION || env.CI) return undefined;
  if (platform === 'darwin') return 'open';
  return platform === 'linux' && (env.DISPLAY || env.WAYLAND_DISPLAY) ? 'xdg-open' : undefined;
}

/** An address that may be handed to a program of the desktop, which takes far more than web pages. */
export const isWebAddress = (text: string): boolean =>
  URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol);
