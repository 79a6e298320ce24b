import type { FieldError } from '@gatehouse/evaluator';
import {
  AUTHORIZE,
  type Authorize,
  Caller,
  DecisionId,
  defineRoute,
  type HttpRequest,
  type Principal,
  ProblemError,
  Route,
  unavailable,
} from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { answerSchema, bodySchema } from './search.schema.js';
import { InvalidPageToken, Searches } from './search.service.js';
import { parseSearch, type SearchKind } from './search-request.js';
import { SearchPlaces, SearchTurns } from './turns.js';

const routeOf = (kind: SearchKind, summary: string) =>
  defineRoute({
    method: 'POST',
    path: `/access/v1/search/${kind}`,
    summary,
    access: { kind: 'action', action: 'decision.search', resource: 'service/policy' },
    documentedBody: bodySchema(kind),
    response: answerSchema(kind),
    problems: ['rate_limited'],
  });
const subject = routeOf('subject', 'Who may do an action on a resource (AuthZEN 1.0)');
const resource = routeOf('resource', 'On which resources a subject may do an action (AuthZEN 1.0)');
const action = routeOf('action', 'Which actions a subject may do on a resource (AuthZEN 1.0)');

@Controller()
export class SearchController {
  readonly #turns = new SearchTurns();
  readonly #places = new SearchPlaces({ running: 4, waiting: 64 });

  constructor(
    @Inject(Searches) private readonly searches: Searches,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(subject)
  subject(@Req() request: HttpRequest, @Caller() caller: Principal, @DecisionId() id: string | null) {
    return this.answer('subject', request, caller, id);
  }

  @Route(resource)
  resource(@Req() request: HttpRequest, @Caller() caller: Principal, @DecisionId() id: string | null) {
    return this.answer('resource', request, caller, id);
  }

  @Route(action)
  action(@Req() request: HttpRequest, @Caller() caller: Principal, @DecisionId() id: string | null) {
    return this.answer('action', request, caller, id);
  }

  /** The tenant is the credential's, whatever the request says. */
  private async answer(kind: SearchKind, request: HttpRequest, caller: Principal, id: string | null) {
    const parsed = parseSearch(kind, request.body);
    if (!parsed.ok) throw refuse(parsed.errors);
    if (parsed.value.request.context?.explain === true) await this.mayReadGrants(request, caller);
    const { tenantId } = caller;
    const turns = this.#turns.take(() => {
      if (request.signal.aborted) throw unavailable('Nobody waits for this search any more');
    });
    try {
      const found = await this.#places.within(tenantId, () => this.searches.search(tenantId, parsed.value, turns));
      if (!found) throw new ProblemError('rate_limited', 'Too many searches of this tenant are running');
      const { page, evidence, asOf, results } = found;
      const past = asOf === undefined ? {} : { as_of: asOf, position: evidence.facts };
      return { page, context: { ...(id && { id }), evidence, ...past }, results };
    } catch (error) {
      if (error instanceof InvalidPageToken)
        throw refuse([{ path: 'page.token', message: 'is not of this search, or too old: begin with the first page' }]);
      throw error;
    }
  }

  /** Who granted what to whom is more than who may: an explanation is for those who may list grants. */
  private async mayReadGrants(request: HttpRequest, caller: Principal): Promise<void> {
    const { allowed } = await this.authorize(caller, 'role.read', 'tenant/grants', request);
    if (!allowed) throw new ProblemError('forbidden');
  }
}

const refuse = (errors: readonly FieldError[]) =>
  new ProblemError('validation_failed', undefined, {
    errors: errors.map(({ path, message }) => ({ path: path ? `body.${path}` : 'body', message })),
  });
