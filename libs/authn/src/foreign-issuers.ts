import { type Pepper, pseudonym } from '@gatehouse/crypto';
import type { Query, Wake } from '@gatehouse/event-store';
import { createForeignFetch, type ForeignReach } from './foreign-fetch.js';
import { ForeignKeys } from './foreign-keys.js';
import { type KnownIssuer, knownIssuersChannel, selectKnownIssuers, selectKnownLinks } from './foreign-known.js';
import { ForeignTokens, issuerOf } from './foreign-tokens.js';
import { NotAuthenticated, type Principal } from './principal.js';
import { RetryingQueue } from './retrying-queue.js';

const notice = /^(issuer|link):([0-9a-f-]{36}(?:\/[A-Za-z0-9_-]{1,128})?)$/;

export interface ForeignIssuersOptions {
  readonly service: string;
  readonly pepper: Pepper;
  /** Connections of the system role. */
  readonly query: Query;
  readonly wake: Wake;
  readonly reach: ForeignReach;
  readonly onError?: (error: Error) => void;
}

/**
 * API tokens of other issuers, for tenants that accept them. Issuers and links are in memory, filled from the tables of
 * `knownIssuersSql` and kept current by their notifications; tokens are checked with the issuer's published keys. A token
 * is somebody only while the issuer is configured and the link is there, whatever was verified before.
 */
export class ForeignIssuers {
  readonly #options: ForeignIssuersOptions;
  readonly #tokens = new ForeignTokens();
  #keys = new Map<string, ForeignKeys>();
  #issuers = new Map<string, readonly KnownIssuer[]>();
  #links = new Map<string, string>();
  #stop: (() => void)[] = [];
  readonly #queue: RetryingQueue;
  #loaded = false;

  constructor(options: ForeignIssuersOptions) {
    this.#options = options;
    this.#queue = new RetryingQueue(options.onError);
  }

  start(): this {
    const { wake, service } = this.#options;
    const channel = knownIssuersChannel(service);
    this.#stop = [
      wake.listen((on, changed) => on === channel && this.#note(changed)),
      wake.onReconnect(() => this.#queue.add(() => this.#reloadAll())),
    ];
    this.#queue.add(() => this.#reloadAll());
    return this;
  }

  async stop(): Promise<void> {
    for (const end of this.#stop) end();
    await this.#queue.stop();
  }

  /** Whether a token says to be of an issuer that is known here. Nothing is verified yet. */
  issued(token: string): boolean {
    const issuer = issuerOf(token);
    return issuer !== undefined && this.#issuers.has(issuer);
  }

  /**
   * The principal of such a token, in the tenant that accepts it and in no other.
   *
   * @param nowMs Unix time in milliseconds
   * @throws NotAuthenticated `unknown`, `expired`; `not_ready` when its key may be a new one and the issuer is away
   */
  async verify(token: string, nowMs: number): Promise<Principal> {
    if (!this.#loaded) throw new NotAuthenticated('not_ready');
    const known = this.#issuers.get(issuerOf(token) ?? '') ?? [];
    for (const jwksUri of new Set(known.map((issuer) => issuer.jwksUri))) {
      const claims = await this.#tokens.verify(token, this.#keysAt(jwksUri), nowMs);
      const subjectIndex = pseudonym(this.#options.pepper, `${claims.issuer}\n${claims.subject}`);
      const found = known.find(
        (issuer) =>
          issuer.jwksUri === jwksUri &&
          claims.audiences.includes(issuer.audience) &&
          this.#links.has(`${issuer.idpId}/${subjectIndex}`),
      );
      const id = found && this.#links.get(`${found.idpId}/${subjectIndex}`);
      if (id !== undefined)
        return { type: 'user', id, tenantId: found?.tenantId ?? '', tenantFixed: true, methods: claims.methods };
    }
    throw new NotAuthenticated('unknown');
  }

  #keysAt(jwksUri: string): ForeignKeys {
    const known = this.#keys.get(jwksUri);
    if (known) return known;
    const made = new ForeignKeys({ jwksUri, fetch: createForeignFetch(this.#options.reach) });
    this.#keys.set(jwksUri, made);
    return made;
  }

  #note(changed: string): void {
    const [, kind, key = ''] = notice.exec(changed) ?? [];
    if (kind === 'issuer') this.#queue.add(() => this.#reloadIssuers());
    if (kind === 'link') this.#queue.add(() => this.#reloadLink(key));
  }

  async #reloadAll(): Promise<void> {
    const links = await selectKnownLinks(this.#options.query);
    this.#links = new Map(links.map(({ idpId, subjectIndex, userId }) => [`${idpId}/${subjectIndex}`, userId]));
    await this.#reloadIssuers();
    this.#loaded = true;
  }

  async #reloadIssuers(): Promise<void> {
    const all = await selectKnownIssuers(this.#options.query);
    const byIssuer = new Map<string, KnownIssuer[]>();
    for (const known of all) byIssuer.set(known.issuer, [...(byIssuer.get(known.issuer) ?? []), known]);
    this.#issuers = byIssuer;
    // Keys of issuers that are gone are forgotten, so that there are never more than issuers.
    const uris = new Set(all.map(({ jwksUri }) => jwksUri));
    this.#keys = new Map([...this.#keys].filter(([uri]) => uris.has(uri)));
  }

  async #reloadLink(key: string): Promise<void> {
    const [link] = await selectKnownLinks(this.#options.query, [key]);
    if (link) this.#links.set(key, link.userId);
    else this.#links.delete(key);
  }
}
