import type { IncomingMessage } from 'node:http';
import { type HttpRequest, ProblemError } from '@gatehouse/http';
import type { FastifyReply } from 'fastify';
import type { Provider } from 'oidc-provider';
import type { SigningKeys } from '../../signing-key/signing-keys.service.js';
import type { Attempts } from '../device/attempts.service.js';
import type { Providers } from './providers.service.js';

export interface OidcPortParts {
  readonly issuer: string;
  readonly signingKeys: SigningKeys;
  readonly providers: Providers;
  readonly attempts: Attempts;
}

/** Between our server and the provider, which brings an application of its own. */
export class OidcPort {
  readonly #parts: OidcPortParts;
  readonly #host: string;
  readonly #protocol: string;
  readonly #handlers = new WeakMap<Provider, ReturnType<Provider['callback']>>();

  constructor(parts: OidcPortParts) {
    const { host, protocol } = new URL(parts.issuer);
    this.#parts = parts;
    this.#host = host;
    this.#protocol = protocol.slice(0, -1);
  }

  get ready(): boolean {
    return this.#parts.signingKeys.loaded;
  }

  get provider(): Provider {
    return this.#parts.providers.current(Date.now());
  }

  /**
   * Tells the provider where it stands: always at the public address, whatever host the request named, and asked by
   * whom our own server found out. Its links, its `htu` and its cookies follow from this and from no header of a client.
   */
  prepare({ raw, ip }: HttpRequest): IncomingMessage {
    for (const name of Object.keys(raw.headers)) if (name.startsWith('x-forwarded-')) delete raw.headers[name];
    raw.headers.host = this.#host;
    raw.headers['x-forwarded-proto'] = this.#protocol;
    raw.headers['x-forwarded-for'] = ip;
    return raw;
  }

  /** Lets the provider answer. The headers that every answer of ours has are under its own. */
  async handle(request: HttpRequest, reply: FastifyReply): Promise<void> {
    const { provider } = this;
    const headers = reply.getHeaders();
    reply.hijack();
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.raw.setHeader(name, value);
    await this.#handlerOf(provider)(this.prepare(request), reply.raw);
  }

  /** Its callback is composed of a hundred middlewares: once for each provider, not for each request. */
  #handlerOf(provider: Provider): ReturnType<Provider['callback']> {
    const handler = this.#handlers.get(provider) ?? provider.callback();
    this.#handlers.set(provider, handler);
    return handler;
  }

  /** A bound on device flows that nobody finishes: they cost a row each. @throws ProblemError `rate_limited` */
  async admitDevice(ip: string): Promise<void> {
    const { attempts } = this.#parts;
    if (await attempts.take('device_authorization', ip)) return;
    throw new ProblemError('rate_limited', undefined, { retryAfterSeconds: 60 });
  }
}
