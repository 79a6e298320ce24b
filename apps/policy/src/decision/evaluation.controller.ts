import { type Parsed, parseRequest, type Request } from '@gatehouse/evaluator';
import { Caller, defineRoute, type HttpRequest, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { type AnswerOrError, toAnswer } from './answer.js';
import type { Asked, DecisionPoint } from './decision-point.js';
import { endsBatch, maxEvaluations, parseEvaluations, semantics } from './evaluations.js';
import { DECISION_POINT } from './tokens.js';

// These schemas describe; the parsing is the evaluator's own, which reads a request in a microsecond.
const entity = z.looseObject({ type: z.string(), id: z.string(), properties: z.looseObject({}).optional() });
const evaluationShape = z.looseObject({
  subject: entity,
  action: z.looseObject({ name: z.string(), properties: z.looseObject({}).optional() }),
  resource: entity,
  context: z.looseObject({}).optional(),
});
const evaluationsShape = evaluationShape.partial().extend({
  evaluations: z.array(evaluationShape.partial()).max(maxEvaluations).optional(),
  options: z.looseObject({ evaluations_semantic: z.enum(semantics).optional() }).optional(),
});
const answerShape = z.object({
  decision: z.boolean(),
  context: z.object({ id: z.string(), reason: z.string(), evidence: z.looseObject({}) }),
});

const mayAsk = { kind: 'action', action: 'decision.evaluate', resource: 'service/policy' } as const;

const evaluation = defineRoute({
  method: 'POST',
  path: '/access/v1/evaluation',
  summary: 'Decides one request (AuthZEN 1.0) and records the decision',
  access: mayAsk,
  documentedBody: evaluationShape,
  response: answerShape,
});
const evaluations = defineRoute({
  method: 'POST',
  path: '/access/v1/evaluations',
  summary: 'Decides several requests (AuthZEN 1.0) and records every decision',
  access: mayAsk,
  documentedBody: evaluationsShape,
  response: z.object({ evaluations: z.array(answerShape) }),
});

@Controller()
export class EvaluationController {
  constructor(@Inject(DECISION_POINT) private readonly decisions: DecisionPoint) {}

  @Route(evaluation)
  async evaluation(@Req() request: HttpRequest, @Caller() caller: Principal) {
    return this.one(parseRequest(request.body), caller, askedBy(request, caller));
  }

  @Route(evaluations)
  async evaluations(@Req() request: HttpRequest, @Caller() caller: Principal) {
    const asked = askedBy(request, caller);
    const parsed = parseEvaluations(request.body);
    if (!parsed.ok) throw refuse(parsed.errors);
    const batch = parsed.value;
    if (!batch) return this.one(parseRequest(request.body), caller, asked);
    const answer = (item: Parsed<Request>) => this.item(item, caller, asked);
    if (batch.semantic === 'execute_all') return { evaluations: await Promise.all(batch.items.map(answer)) };
    const answers: AnswerOrError[] = [];
    for (const item of batch.items) {
      const next = await answer(item);
      answers.push(next);
      if (endsBatch(batch.semantic, next.decision)) break;
    }
    return { evaluations: answers };
  }

  private async one(parsed: Parsed<Request>, caller: Principal, asked: Asked) {
    if (!parsed.ok) throw refuse(parsed.errors);
    return toAnswer(await this.decisions.decide(toQuestion(parsed.value, caller), asked));
  }

  private async item(item: Parsed<Request>, caller: Principal, asked: Asked): Promise<AnswerOrError> {
    if (item.ok) return toAnswer(await this.decisions.decide(toQuestion(item.value, caller), asked));
    const message = item.errors.map((error) => `${error.path} ${error.message}`).join('; ');
    return { decision: false, context: { error: { status: 400, message } } };
  }
}

const refuse = (errors: readonly { path: string; message: string }[]) =>
  new ProblemError('validation_failed', undefined, {
    errors: errors.map(({ path, message }) => ({ path: path ? `body.${path}` : 'body', message })),
  });

/** The tenant is the credential's, whatever the request says. */
const toQuestion = ({ subject, action, resource }: Request, caller: Principal) => ({
  tenantId: caller.tenantId,
  subject,
  action: action.name,
  resource,
});

/** The address is recorded for services only: a person's is personal data. */
const askedBy = (request: HttpRequest, caller: Principal): Asked => ({
  caller: { type: caller.type, id: caller.id },
  correlationId: request.trace?.traceId ?? '',
  ...(caller.type === 'service' && { ip: request.ip }),
});
