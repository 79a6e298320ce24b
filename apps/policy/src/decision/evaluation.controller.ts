import { type Parsed, parseRequest, type Request } from '@gatehouse/evaluator';
import { Caller, defineRoute, type HttpRequest, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { type Answer, type BatchAnswer, toAnswer, toBatchAnswer } from './answer.js';
import { askedBy } from './asked-by.js';
import type { DecisionPoint } from './decision-point.js';
import { evaluableOf } from './evaluate-batch.js';
import { maxEvaluations, parseEvaluations, semantics } from './evaluations.js';
import type { Moment } from './outcome.js';
import { asOfOf, toQuestion } from './question.js';
import { DECISION_POINT, PAST_MOMENTS } from './tokens.js';

// These schemas describe; the parsing is the evaluator's own, which reads a request in a microsecond.
const properties = z.looseObject({}).optional();
const entity = z.looseObject({ type: z.string(), id: z.string(), properties });
const evaluationShape = z.looseObject({
  subject: entity,
  action: z.looseObject({ name: z.string(), properties }),
  resource: entity,
  context: z.looseObject({ as_of: z.string().optional(), credential: z.string().optional() }).optional(),
});
const evaluationsShape = evaluationShape.partial().extend({
  evaluations: z.array(evaluationShape.partial()).max(maxEvaluations).optional(),
  options: z.looseObject({ evaluations_semantic: z.enum(semantics).optional() }).optional(),
});
const answerShape = z.object({
  decision: z.boolean(),
  context: z.looseObject({ id: z.string(), reason: z.string(), evidence: z.looseObject({}) }),
});
const itemShape = z.object({ decision: z.boolean(), context: z.looseObject({}) });

const headers = z.object({
  'gatehouse-position': z
    .string()
    .optional()
    .describe('Position of a write of your own: facts before it do not decide'),
});
const mayAsk = { kind: 'action', action: 'decision.evaluate', resource: 'service/policy' } as const;

const evaluation = defineRoute({
  method: 'POST',
  path: '/access/v1/evaluation',
  summary: 'Decides one request (AuthZEN 1.0) and records the decision',
  access: mayAsk,
  headers,
  documentedBody: evaluationShape,
  response: answerShape,
});
const evaluations = defineRoute({
  method: 'POST',
  path: '/access/v1/evaluations',
  summary: 'Decides several requests (AuthZEN 1.0) at one position and records them as one event',
  access: mayAsk,
  headers,
  documentedBody: evaluationsShape,
  response: z.object({ context: z.looseObject({}).optional(), evaluations: z.array(itemShape) }),
});

/** What decided in a tenant at another moment: a position, or a time of RFC 3339. */
export type PastMoments = (tenantId: string, asOf: string) => Promise<Moment>;

@Controller()
export class EvaluationController {
  constructor(
    @Inject(DECISION_POINT) private readonly decisions: DecisionPoint,
    @Inject(PAST_MOMENTS) private readonly past: PastMoments,
  ) {}

  @Route(evaluation)
  async evaluation(@Req() request: HttpRequest, @Caller() caller: Principal): Promise<Answer> {
    return this.one(parseRequest(request.body), request, caller);
  }

  @Route(evaluations)
  async evaluations(@Req() request: HttpRequest, @Caller() caller: Principal): Promise<Answer | BatchAnswer> {
    const parsed = parseEvaluations(request.body);
    if (!parsed.ok) throw refuse(parsed.errors);
    const batch = parsed.value;
    if (!batch) return this.one(parseRequest(request.body), request, caller);
    const { items, questions, asOf } = evaluableOf(batch);
    const past = await this.momentOf(caller.tenantId, asOf);
    const asked = askedBy(request, caller);
    const all = questions.map((question) => toQuestion(question, caller.tenantId));
    return toBatchAnswer(batch, items, await this.decisions.decideAll(all, batch.semantic, asked, past));
  }

  private async one(parsed: Parsed<Request>, request: HttpRequest, caller: Principal): Promise<Answer> {
    if (!parsed.ok) throw refuse(parsed.errors);
    const past = await this.momentOf(caller.tenantId, asOfOf(parsed.value.context));
    const question = toQuestion(parsed.value, caller.tenantId);
    return toAnswer(await this.decisions.decide(question, askedBy(request, caller), past));
  }

  private async momentOf(tenantId: string, asOf: unknown): Promise<Moment | undefined> {
    if (asOf === undefined) return undefined;
    if (typeof asOf !== 'string') throw refuse([{ path: 'context.as_of', message: 'must be text' }]);
    return this.past(tenantId, asOf);
  }
}

const refuse = (errors: readonly { path: string; message: string }[]) =>
  new ProblemError('validation_failed', undefined, {
    errors: errors.map(({ path, message }) => ({ path: path ? `body.${path}` : 'body', message })),
  });
