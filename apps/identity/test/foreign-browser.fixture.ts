import type { ForeignOp } from './foreign-op.fixture.js';

/** What a page gets to see of an answer. */
export interface PageAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly location: string | null;
}

type Site = { readonly address: string };

/** A browser without a window: a cookie jar for each side, and no redirect followed that nobody asked for. */
export class Browser {
  readonly #jars = new Map<string, Map<string, string>>();
  readonly #site: Site;

  constructor(site: Site) {
    this.#site = site;
  }

  /** A call of our own page. */
  async call(what: string, body?: unknown, headers: Record<string, string> = {}): Promise<PageAnswer> {
    const [method = 'GET', path = ''] = what.split(' ');
    const response = await this.#fetch(this.#site.address, `${this.#site.address}${path}`, {
      method,
      headers: {
        ...headers,
        'x-gatehouse-request': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: response.status, body: json, location: response.headers.get('location') };
  }

  start(body: object): Promise<PageAnswer> {
    return this.call('POST /api/v1/auth/federated/start', body);
  }

  /** Goes where the sign-in begins, through the provider, until it sends the browser back: answers that address. */
  async throughProvider({ issuer }: ForeignOp, location: string): Promise<URL> {
    let url = new URL(location);
    for (let hop = 0; hop < 10; hop++) {
      if (url.origin !== issuer) return url;
      const response = await this.#fetch(issuer, url.href, {});
      const next = response.headers.get('location');
      if (next === null) throw new Error(`the provider answered ${response.status}: ${await response.text()}`);
      url = new URL(next, url);
    }
    throw new Error('the provider sends the browser round in circles');
  }

  /** Comes back with the provider's answer. */
  back({ pathname, search }: URL): Promise<PageAnswer> {
    return this.call(`GET ${pathname}${search}`);
  }

  /** All of it up to the outcome. */
  async signIn(op: ForeignOp, body: object): Promise<string> {
    const { location, status } = await this.start(body).then(({ body: { location: to }, status: code }) => ({
      location: String(to),
      status: code,
    }));
    if (status !== 200) throw new Error(`start answered ${status}`);
    const answer = await this.back(await this.throughProvider(op, location));
    if (answer.location === null) throw new Error(`callback answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return new URL(answer.location, 'https://localhost').searchParams.get('federation') ?? '';
  }

  finish(): Promise<PageAnswer> {
    return this.call('POST /api/v1/auth/federated/finish', {});
  }

  confirm(code: string): Promise<PageAnswer> {
    return this.call('POST /api/v1/auth/federated/confirm', { code });
  }

  /** The cookies that our side gave. */
  get cookies(): Map<string, string> {
    return this.#jar(this.#site.address);
  }

  #jar(origin: string): Map<string, string> {
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    return jar;
  }

  async #fetch(origin: string, url: string, init: RequestInit): Promise<Response> {
    const jar = this.#jar(origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, ...(cookie !== '' && { cookie }) },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }
}
