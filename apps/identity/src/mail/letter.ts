/** A letter in clear, on its way out. */
export interface Letter {
  readonly id: string;
  /** Whose letter it is: a person, or an invitation. */
  readonly subject: string;
  readonly to: string;
  readonly title: string;
  readonly text: string;
}

/** A way out for letters. `send` resolves when somebody else is responsible for the letter. */
export interface Transport {
  send(letter: Letter): Promise<void>;
  /** Forgets what it keeps of somebody; answers how many letters. */
  erase(subject: string): Promise<number>;
  /** Runs every minute. */
  tidy(nowMs: number): Promise<void>;
  stop(): void;
}

const secondMs = 1_000;
const hourMs = 3_600 * secondMs;
export const dayMs = 24 * hourMs;

/** What to do with a letter that could not be sent: when to try again, or nothing more until somebody looks. */
export type Verdict =
  | { readonly kind: 'retry'; readonly atMs: number; readonly problem: string }
  | { readonly kind: 'park'; readonly problem: string };

export interface Failure {
  /** nodemailer's word: `ECONNECTION`, `EAUTH`, `EENVELOPE`, ... */
  readonly code?: string;
  /** Of the SMTP server. */
  readonly responseCode?: number;
}

/**
 * Again after 10 s, 20 s, 40 s, ... at most an hour, for a day. What the server refuses for this address or this text
 * alone it will refuse tomorrow, too. The words are kept without the server's own text, which repeats the address.
 */
export function judge({ code, responseCode = 0 }: Failure, tries: number, createdMs: number, nowMs: number): Verdict {
  const problem = [code ?? 'unknown', responseCode || ''].join(' ').trim();
  const isRefused = responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE');
  const atMs = nowMs + Math.min(hourMs, 10 * secondMs * 2 ** Math.min(tries, 20));
  return isRefused || atMs > createdMs + dayMs ? { kind: 'park', problem } : { kind: 'retry', atMs, problem };
}
