import { readFileSync } from 'node:fs';
import { createTransport, type Transporter } from 'nodemailer';
import type { Letter, Transport } from './letter.js';

export interface SmtpOptions {
  readonly url: string;
  readonly from: string;
  readonly passwordFile?: string | undefined;
  /** Whether nothing is said without TLS; unless given, everywhere but on this machine. */
  readonly requireTls?: boolean;
}

const timeoutMs = 15_000;
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** How to reach the server of a URL. Off this machine nothing is said before TLS is agreed on, and no certificate forgiven. */
export function connectionOf({ url, passwordFile, requireTls }: Omit<SmtpOptions, 'from'>) {
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === 'smtps:';
  const pass = passwordFile ? readFileSync(passwordFile, 'utf8').trim() : decodeURIComponent(password);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || (secure ? 465 : 587),
    secure,
    requireTLS: requireTls ?? (!secure && !loopback.test(hostname)),
    ...(username !== '' && { auth: { user: decodeURIComponent(username), pass } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // A letter is text of ours: nothing in it is fetched or read.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

export class SmtpTransport implements Transport {
  readonly #transporter: Transporter;
  readonly #from: string;

  constructor({ from, ...options }: SmtpOptions) {
    this.#transporter = createTransport(connectionOf(options));
    this.#from = from;
  }

  /** @throws the server's refusal, whose text may repeat the address */
  async send({ id, to, title, text }: Letter): Promise<void> {
    await this.#transporter.sendMail({
      from: this.#from,
      // As an object: a comma in it makes no second address.
      to: { name: '', address: to },
      subject: title,
      text,
      // The same for every try, so that a letter sent twice can be told from two letters.
      messageId: `<${id}@gatehouse>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  }

  async erase(): Promise<number> {
    return 0;
  }

  async tidy(): Promise<void> {}

  stop(): void {
    this.#transporter.close();
  }
}
