import type { Pepper } from '@gatehouse/crypto';
import {
  type CompiledPolicy,
  type Decision,
  evaluate,
  type Obligation,
  type Request,
  type TenantFacts,
} from '@gatehouse/evaluator';
import { FactsNotLoaded } from '../decision/decision-point.js';
import { recordable, recordableValue } from '../decision/identifiers.js';
import type { Facts } from '../facts/facts.js';
import type { ActivePolicies } from '../version/active-policies.js';
import { makePageToken, openPageToken, type PagePlace } from './page-token.js';
import { type Scanned, scan, type Turns } from './scan.js';
import { pageLimits, type Search, type SearchKind } from './search-request.js';

export interface SearchOptions {
  readonly facts: Facts;
  readonly policies: ActivePolicies;
  readonly pepper: Pepper;
}

export interface Found {
  readonly type?: string;
  readonly id?: string;
  readonly name?: string;
  readonly context?: { readonly obligations: readonly Obligation[] };
}

export interface SearchAnswer {
  /** First, so that a client that reads as it comes knows whether there is more. */
  readonly page: { readonly next_token: string; readonly count: number; readonly total?: number };
  readonly evidence: { readonly policy: string; readonly facts: string };
  readonly results: readonly Found[];
}

/** A page token that is not of this search, or too old. */
export class InvalidPageToken extends Error {
  override readonly name = 'InvalidPageToken';
}

/** Of more candidates than these only the page is looked for, and `total` is left out. */
const countedCandidates = 20_000;

/** What a page is answered from. */
interface Moment {
  readonly policy: CompiledPolicy;
  readonly facts: TenantFacts;
  readonly position: string;
  readonly nowMs: number;
}

/** Who may, on what, and what: the names for which an evaluation of the same question is permitted. */
export class Searches {
  readonly #options: SearchOptions;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  /** @throws InvalidPageToken, and whatever `turns` ends the search with */
  async search(tenantId: string, asked: Search, turns: Turns): Promise<SearchAnswer> {
    const { pepper } = this.#options;
    const search = { ...asked, request: recordableRequest(pepper, asked.request) };
    const place = this.#placeOf(tenantId, search);
    if (search.kind !== 'action') {
      const { type } = search.request[search.kind];
      await this.#options.facts.live.prepareIds(tenantId, search.kind, type, turns.next);
    }
    const moment = this.#moment(tenantId, place);
    const names = candidates(search, moment);
    const limit = asked.page.limit ?? place?.limit ?? pageLimits.default;
    const scanned = await scan(names, (name) => decide(search, moment, name), {
      after: place?.after,
      limit,
      countsAll: place === undefined && names.length <= countedCandidates,
      turns,
    });
    const total = place?.total ?? scanned.total;
    const next: PagePlace = {
      facts: moment.position,
      nowMs: moment.nowMs,
      limit,
      ...afterOf(scanned, place),
      ...(total !== undefined && { total }),
    };
    return {
      page: {
        next_token: scanned.more ? makePageToken(pepper, tenantId, search, next) : '',
        count: scanned.found.length,
        ...(total !== undefined && { total }),
      },
      evidence: { policy: moment.policy.digest, facts: moment.position },
      results: scanned.found.map(({ name, decision }) => toFound(search, name, decision)),
    };
  }

  #placeOf(tenantId: string, search: Search): PagePlace | undefined {
    const { token } = search.page;
    if (token === undefined) return undefined;
    const place = openPageToken(this.#options.pepper, tenantId, search, token, Date.now());
    if (!place) throw new InvalidPageToken('not a page of this search');
    return place;
  }

  #moment(tenantId: string, place: PagePlace | undefined): Moment {
    const { facts, policies } = this.#options;
    if (!facts.loaded) throw new FactsNotLoaded('the facts are being loaded');
    return {
      policy: policies.of(tenantId).policy,
      facts: facts.live.tenant(tenantId),
      position: facts.position,
      nowMs: place?.nowMs ?? Date.now(),
    };
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

function toFound({ kind, request }: Search, name: string, { obligations }: Decision): Found {
  const context = obligations && { context: { obligations } };
  if (kind === 'action') return { name, ...context };
  return { type: request[kind].type, id: name, ...context };
}

/** As it would be recorded, which is what grants and facts are kept as. */
function recordableRequest(pepper: Pepper, { subject, action, resource, context }: Request): Request {
  const entity = (of: Request['resource']) => ({
    ...recordable(pepper, of),
    ...(of.properties && { properties: recordableValue(pepper, of.properties) }),
  });
  return {
    subject: entity(subject),
    action,
    resource: entity(resource),
    ...(context && { context: recordableValue(pepper, context) }),
  };
}
