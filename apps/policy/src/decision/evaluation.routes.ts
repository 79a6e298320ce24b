import { parseRequest } from '@gatehouse/evaluator';
import { defineRoute, type HttpRequest, type Principal, ProblemError, serveRoute } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { answerText, batchAnswerText } from './answer.js';
import { askedBy } from './asked-by.js';
import type { DecidedBatch, DecisionPoint } from './decision-point.js';
import { decidableItems, evaluableOf } from './evaluate-batch.js';
import { type Batch, maxEvaluations, parseEvaluations, semantics } from './evaluations.js';
import { Undecidable } from './identifiers.js';
import type { Moment, PastMoments } from './outcome.js';
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

/**
 * The two routes that everything waits for. They stand on Fastify itself: their access and their limits are those that
 * every route has, and nothing else is done for a request.
 */
@Injectable()
export class EvaluationRoutes implements OnModuleInit {
  constructor(
    @Inject(DECISION_POINT) private readonly decisions: DecisionPoint,
    @Inject(PAST_MOMENTS) private readonly past: PastMoments,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance();
    serveRoute(server, evaluation, (request) => this.one(request));
    serveRoute(server, evaluations, (request) => this.batch(request));
  }

  private async one(request: HttpRequest): Promise<string> {
    const parsed = parseRequest(request.body);
    if (!parsed.ok) throw refuse(parsed.errors);
    const caller = callerOf(request);
    const asOf = asOfOf(parsed.value.context);
    const past = asOf === undefined ? undefined : await this.momentOf(caller.tenantId, asOf);
    const question = toQuestion(parsed.value, caller.tenantId);
    return answerText(await this.decisions.decide(question, askedBy(request, caller), past));
  }

  private async batch(request: HttpRequest): Promise<string> {
    const parsed = parseEvaluations(request.body);
    if (!parsed.ok) throw refuse(parsed.errors);
    const batch = parsed.value;
    if (!batch) return this.one(request);
    // Garbage from here on, while the record is awaited: what is alive at a collection is what the collection costs.
    request.body = undefined;
    return this.decided(batch, request);
  }

  private async decided(batch: Batch, request: HttpRequest): Promise<string> {
    const caller = callerOf(request);
    const { items, questions, asOf } = evaluableOf(batch);
    const past = asOf === undefined ? undefined : await this.momentOf(caller.tenantId, asOf);
    const all = questions.map((question) => toQuestion(question, caller.tenantId));
    const answer = (decided: DecidedBatch) => batchAnswerText(batch, items, decided);
    try {
      // Not awaited here, for then the batch would be kept as long: what may be mended is thrown at once.
      return this.decisions.decideAll(all, batch.semantic, askedBy(request, caller), answer, past);
    } catch (error) {
      // So few batches have such an item that none is looked at for it before.
      if (!(error instanceof Undecidable)) throw error;
      return this.decided({ ...batch, items: decidableItems(this.platform.pepper, batch.items) }, request);
    }
  }

  private async momentOf(tenantId: string, asOf: unknown): Promise<Moment> {
    if (typeof asOf !== 'string') throw refuse([{ path: 'context.as_of', message: 'must be text' }]);
    return this.past(tenantId, asOf);
  }
}

function callerOf({ principal }: HttpRequest): Principal {
  if (principal === null) throw new ProblemError('unauthenticated');
  return principal;
}

const refuse = (errors: readonly { path: string; message: string }[]) =>
  new ProblemError('validation_failed', undefined, {
    errors: errors.map(({ path, message }) => ({ path: path ? `body.${path}` : 'body', message })),
  });
