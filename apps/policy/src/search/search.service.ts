import { randomUUID } from 'node:crypto';
import type { Pepper } from '@gatehouse/crypto';
import { type Decision, evaluate, type Obligation, type Request } from '@gatehouse/evaluator';
import { StoreUnavailable } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type { DecisionPoint } from '../decision/decision-point.js';
import { recordableRequest } from '../decision/identifiers.js';
import type { Moment, PastMoments } from '../decision/outcome.js';
import { asOfOf, toQuestion } from '../decision/question.js';
import type { Facts } from '../facts/facts.js';
import { type Because, trace } from './origins.js';
import type { Origins } from './origins.service.js';
import { makePageToken, openPageToken, type PagePlace } from './page-token.js';
import { type Hit, type Scanned, scan, type Turns } from './scan.js';
import { pageLimits, type Search, type SearchKind } from './search-request.js';

export interface SearchOptions {
  readonly facts: Pick<Facts, 'live'>;
  readonly decisions: Pick<DecisionPoint, 'now'>;
  readonly past: PastMoments;
  readonly origins: Pick<Origins, 'explain'>;
  readonly pepper: Pepper;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface Found {
  readonly type?: string;
  readonly id?: string;
  readonly name?: string;
  readonly context?: { readonly obligations?: readonly Obligation[]; readonly because?: readonly Because[] };
}

export interface SearchAnswer {
  /** First, so that a client that reads as it comes knows whether there is more. */
  readonly page: { readonly next_token: string; readonly count: number; readonly total?: number };
  readonly evidence: { readonly policy: string; readonly facts: string };
  /** The moment as it was asked for. */
  readonly asOf?: string;
  readonly results: readonly Found[];
}

/** A page token that is not of this search, or too old. */
export class InvalidPageToken extends Error {
  override readonly name = 'InvalidPageToken';
}

/** Of more candidates than these only the page is looked for, and `total` is left out. */
const countedCandidates = 20_000;

/** What a page is answered from; `live` where nothing is asked of the past. */
interface Snapshot extends Moment {
  readonly live?: string;
}

/** Who may, on what, and what: the names for which an evaluation of the same question is permitted. */
export class Searches {
  readonly #options: SearchOptions;
  /** Counts of changes mean something in this process alone. */
  readonly #process = randomUUID();

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  /** @throws InvalidPageToken, what the past is refused with, and whatever `turns` ends the search with */
  async search(tenantId: string, { kind, request, page }: Search, turns: Turns): Promise<SearchAnswer> {
    const { pepper } = this.#options;
    const search = { kind, page, request: recordableRequest(pepper, toQuestion(request, tenantId)) };
    const place = this.#placeOf(tenantId, search);
    const moment = await this.#snapshot(tenantId, search, place, turns);
    const names = candidates(search, moment);
    const explains = request.context?.explain === true;
    const wanted = page.limit ?? place?.limit ?? pageLimits.default;
    const limit = explains ? Math.min(wanted, pageLimits.explained) : wanted;
    const scanned = await scan(names, (name) => decide(search, moment, name), {
      after: place?.after,
      limit,
      countsAll: place === undefined && names.length <= countedCandidates,
      turns,
    });
    const total = place?.total ?? scanned.total;
    const { position, nowMs, live, asOf } = moment;
    const next: PagePlace = {
      facts: position,
      nowMs,
      limit,
      startedMs: place?.startedMs ?? this.#options.now(),
      ...(live !== undefined && { live }),
      ...afterOf(scanned, place),
      ...(total !== undefined && { total }),
    };
    return {
      page: {
        next_token: scanned.more ? makePageToken(pepper, tenantId, search, next) : '',
        count: scanned.found.length,
        ...(total !== undefined && { total }),
      },
      evidence: { policy: moment.policy.digest, facts: position },
      ...(asOf !== undefined && { asOf }),
      results: explains
        ? await this.#explained(tenantId, search, moment, scanned.found)
        : scanned.found.map((hit) => toFound(search, hit, moment)),
    };
  }

  /** Each with the rules that permit it, and the events that made them apply. */
  async #explained(tenantId: string, search: Search, moment: Moment, found: readonly Hit[]): Promise<readonly Found[]> {
    const { kind, request } = search;
    const traced = found.map(({ name, decision }) => trace(moment.facts, filled[kind](request, name), decision));
    const because = await this.#options.origins.explain(tenantId, moment.position, traced);
    return found.map((hit, i) => toFound(search, hit, moment, because[i]));
  }

  #placeOf(tenantId: string, search: Search): PagePlace | undefined {
    const { token } = search.page;
    if (token === undefined) return undefined;
    const place = openPageToken(this.#options.pepper, tenantId, search, token, this.#options.now());
    if (!place) throw new InvalidPageToken('not a page of this search');
    return place;
  }

  async #snapshot(tenantId: string, search: Search, place: PagePlace | undefined, turns: Turns): Promise<Snapshot> {
    const asOf = asOfOf(search.request.context);
    if (asOf !== undefined) return this.#options.past(tenantId, asOf as string);
    const { live: facts } = this.#options.facts;
    if (search.kind !== 'action') {
      // Whoever asks meanwhile waits for the same work: it goes on when the first one has gone.
      const pause = () => turns.next().catch(() => undefined);
      await facts.prepareIds(tenantId, search.kind, search.request[search.kind].type, pause);
    }
    const now = this.#options.decisions.now(tenantId, place?.nowMs ?? this.#options.now());
    const live = `${this.#process}.${facts.lastChange(tenantId)}.${now.policy.digest}`;
    if (place === undefined || place.live === live) return { ...now, live };
    return (await this.#asBefore(tenantId, place)) ?? { ...now, live };
  }

  /** What the first page was answered from, if the past is within reach: else the next page is answered from now. */
  async #asBefore(tenantId: string, { facts, nowMs, live }: PagePlace): Promise<Snapshot | undefined> {
    try {
      const { asOf: _, ...past } = await this.#options.past(tenantId, facts);
      return { ...past, position: facts, nowMs, ...(live !== undefined && { live }) };
    } catch (error) {
      if (error instanceof ProblemError || error instanceof StoreUnavailable) return undefined;
      throw error;
    }
  }
}

/** Where the next page begins. With a limit of 0 it begins where this one did. */
function afterOf({ found }: Scanned, place: PagePlace | undefined): { readonly after?: string } {
  const after = found.at(-1)?.name ?? place?.after;
  return after === undefined ? {} : { after };
}

/** What is known by the tenant, sorted. What nobody ever told us of is not found. */
const candidates = ({ kind, request }: Search, { facts, policy }: Moment): readonly string[] =>
  ({
    subject: () => facts.subjectIds(request.subject.type),
    resource: () => facts.resourceIds(request.resource.type),
    action: () => policy.actions,
  })[kind]();

const filled: Readonly<Record<SearchKind, (request: Request, name: string) => Request>> = {
  subject: (request, id) => ({ ...request, subject: { type: request.subject.type, id } }),
  resource: (request, id) => ({ ...request, resource: { type: request.resource.type, id } }),
  action: (request, name) => ({ ...request, action: { name } }),
};

const decide = ({ kind, request }: Search, { policy, facts, nowMs }: Moment, name: string): Decision =>
  evaluate(policy, facts, filled[kind](request, name), nowMs);

/** Nobody is obliged by an answer about the past. */
function toFound({ kind, request }: Search, hit: Hit, { asOf }: Moment, because?: readonly Because[]): Found {
  const { name, decision } = hit;
  const obligations = asOf === undefined ? decision.obligations : undefined;
  const told = { ...(obligations && { obligations }), ...(because && { because }) };
  const context = obligations || because ? { context: told } : {};
  return kind === 'action' ? { name, ...context } : { type: request[kind].type, id: name, ...context };
}
