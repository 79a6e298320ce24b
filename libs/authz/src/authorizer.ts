import { credentialOf } from '@gatehouse/authn';
import { call, RpcError, SharedCalls } from '@gatehouse/bus';
import { type DecideRequest, decide, type Entity } from '@gatehouse/contracts';
import { type AccessDecision, type Authorize, type HttpRequest, ProblemError, unavailable } from '@gatehouse/http';
import type { NatsConnection } from '@nats-io/transport-node';

export interface AuthorizerOptions {
  /** The service that asks; it is recorded as the caller. */
  readonly service: string;
  readonly connection: () => NatsConnection;
  readonly timeoutMs?: number;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** `type/name` to an entity; a bare word is a scope. */
export function toEntity(path: string): Entity {
  const slash = path.indexOf('/');
  return slash < 0 ? { type: 'scope', id: path } : { type: path.slice(0, slash), id: path.slice(slash + 1) };
}

/** A position of policy's log that the caller has seen: what it wrote there itself must count. */
function minimumPosition({ headers }: HttpRequest): string | undefined {
  const given = headers['gatehouse-position'];
  if (given === undefined) return undefined;
  if (typeof given === 'string' && /^\d{1,20}\.\d{1,19}$/.test(given)) return given;
  const errors = [{ path: 'header.gatehouse-position', message: 'must be a position' }];
  throw new ProblemError('validation_failed', undefined, { errors });
}

/**
 * Asks policy before the handler runs: every sensitive call of every service is one recorded decision. No answer is
 * no permission: the caller gets 503 and may try again.
 * Callers of a tenant who come together share a message, and with it a commit.
 */
export function createAuthorizer({ service, connection, timeoutMs = 3_000 }: AuthorizerOptions): Authorize {
  // What one tenant asks, nobody of another waits for: a rate limit that many share, say.
  const shared = new SharedCalls(decide, { connection, timeoutMs, groupOf: ({ tenantId }) => tenantId });
  // Policy may have to wait for a position, up to a second: the neighbours of such a question should not.
  const ask = (question: DecideRequest, trace: HttpRequest['trace']) =>
    question.minPosition === undefined
      ? shared.ask(question, trace ?? undefined)
      : call(connection(), decide, question, timeoutMs, trace ?? undefined);
  return async (principal, action, resource, request, noted, again): Promise<AccessDecision> => {
    const minPosition = minimumPosition(request);
    // One principal has many credentials: which of them it was is part of the record.
    const credential = credentialOf(principal);
    const { type, id, tenantId, scopes } = principal;
    const question: Writable<DecideRequest> = {
      tenantId,
      subject: { type, id },
      action,
      resource: toEntity(resource),
      caller: { type: 'gatehouse', id: service },
    };
    if (scopes) question.scopes = [...scopes];
    if (minPosition !== undefined) question.minPosition = minPosition;
    if (again) question.again = again;
    if (type === 'service') question.source = { ip: request.ip };
    if (credential !== undefined) question.credential = credential;
    if (credential !== undefined || noted !== undefined)
      question.noted = credential === undefined ? noted : { ...noted, credential };
    try {
      const answer = await ask(question, request.trace);
      return { allowed: answer.decision, decisionId: answer.id, reason: answer.reason };
    } catch (error) {
      if (error instanceof RpcError) throw unavailable('The decision could not be made', 1, error);
      throw error;
    }
  };
}
