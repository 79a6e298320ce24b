import type { JWTPayload } from 'jose';
import type { ClientFacts } from '../client/client.js';
import { covers, within } from '../grant/action-patterns.js';

export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token';
export const jwtTokenType = 'urn:ietf:params:oauth:token-type:jwt';

/** A person, and at most so many services between the person and whoever is called. */
export const maxActors = 3;
export const exchangedTokenSeconds = 300;

/** Who acts, the newest outermost (RFC 8693, 4.1). */
export interface Actor {
  readonly sub: string;
  readonly client_id: string;
  readonly act?: Actor;
}

export interface ExchangeRequest {
  readonly subjectTokenType: string | undefined;
  readonly requestedTokenType: string | undefined;
  readonly actorToken: string | undefined;
  readonly audience: string | undefined;
  readonly resource: string | undefined;
  /** Permissions that are asked for; undefined asks for all that may be given. */
  readonly scope: string | undefined;
  /** Thumbprint of the key the client proved with this request. */
  readonly proofKey: string | undefined;
}

export interface ExchangeFacts {
  /** Claims of the subject's token, verified and alive. */
  readonly subject: JWTPayload;
  readonly client: ClientFacts;
  /** `sub` of the client's own tokens. */
  readonly actorId: string;
  readonly audience: string;
  readonly nowSeconds: number;
}

export type ExchangeFailure =
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unauthorized_client';

/** An expected refusal, as the code of RFC 6749 5.2 and RFC 8693 2.2.2. */
export class ExchangeRefused extends Error {
  constructor(
    readonly failure: ExchangeFailure,
    message: string,
  ) {
    super(message);
    this.name = 'ExchangeRefused';
  }
}

const refuse = (failure: ExchangeFailure, message: string): never => {
  throw new ExchangeRefused(failure, message);
};

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];

/** What the token holds that a service gets in exchange for a person's, so that it acts for that person. */
export interface ExchangedToken {
  readonly claims: JWTPayload;
  readonly permissions: readonly string[];
  readonly lifetimeSeconds: number;
}

/**
 * Decides an exchange (RFC 8693): a delegation, never an impersonation, since `act` always names the service. It gives
 * never more than the person's token and never more than the client is registered for, and ends with the person's token.
 *
 * @throws ExchangeRefused
 */
export function exchange(request: ExchangeRequest, facts: ExchangeFacts): ExchangedToken {
  const { subject, client, actorId, audience, nowSeconds } = facts;
  checkRequest(request, audience);
  checkSubject(subject, client, actorId);
  if (subject.cnf !== undefined && request.proofKey === undefined)
    refuse('invalid_request', 'a token that is bound to a key is exchanged for one that is bound to a key, too');
  const actor = nextActor(subject, client, actorId);
  const permissions = grantedPermissions(request.scope, subject, client);
  const { sub, tenant, tenant_name, email, sid, amr, auth_time } = subject;
  const claims = {
    ...{ iss: subject.iss, aud: audience, sub, tenant, tenant_name, email, sid, amr, auth_time },
    ...{ client_id: client.clientId, act: actor, permissions },
    ...(request.proofKey !== undefined && { cnf: { jkt: request.proofKey } }),
  } as JWTPayload;
  const left = (subject.exp ?? 0) - nowSeconds;
  if (left <= 0) refuse('invalid_grant', 'the subject token is over');
  return { claims: defined(claims), permissions, lifetimeSeconds: Math.min(left, exchangedTokenSeconds) };
}

function checkRequest(request: ExchangeRequest, audience: string): void {
  const { subjectTokenType, requestedTokenType, actorToken } = request;
  if (![accessTokenType, jwtTokenType].includes(subjectTokenType ?? ''))
    refuse('invalid_request', 'subject_token_type is not one that is taken here');
  if (![undefined, accessTokenType, jwtTokenType].includes(requestedTokenType))
    refuse('invalid_request', 'requested_token_type is not one that is made here');
  // The client itself is the actor: it has just authenticated.
  if (actorToken !== undefined) refuse('invalid_request', 'actor_token is not taken: the client is the actor');
  for (const target of [request.audience, request.resource])
    if (target !== undefined && target !== audience) refuse('invalid_target', 'there is no such audience');
}

function checkSubject(subject: JWTPayload, client: ClientFacts, actorId: string): void {
  if (subject.principal === 'service') refuse('invalid_grant', 'the subject is not a person');
  if (subject.tenant !== client.tenantId) refuse('invalid_grant', 'the subject token is of another tenant');
  const origin = typeof subject.client_id === 'string' ? subject.client_id : 'session';
  // A token that was exchanged before is judged by who exchanged it last.
  if (!client.exchangeFrom.includes(origin) && !(isSession(subject) && client.exchangeFrom.includes('session')))
    refuse('unauthorized_client', 'the client may not exchange tokens of that client');
  const mayAct = subject.may_act as { sub?: unknown; client_id?: unknown } | undefined;
  if (mayAct !== undefined && mayAct.sub !== actorId && mayAct.client_id !== client.clientId)
    refuse('invalid_grant', 'the subject token names somebody else who may act');
}

/** Tokens of our own sign-in carry no limit of permissions; every token of a client does. */
const isSession = (subject: JWTPayload): boolean => subject.permissions === undefined;

function nextActor(subject: JWTPayload, client: ClientFacts, actorId: string): Actor {
  const before = subject.act as Actor | undefined;
  let depth = 0;
  for (let actor = before; actor !== undefined; actor = actor.act) depth++;
  if (depth >= maxActors) refuse('invalid_grant', 'too many services stand between the person and this one');
  return { sub: actorId, client_id: client.clientId, ...(before && { act: before }) };
}

function grantedPermissions(scope: string | undefined, subject: JWTPayload, client: ClientFacts): readonly string[] {
  const held = isSession(subject) ? ['*'] : texts(subject.permissions);
  if (scope === undefined) return common(client.permissions, held);
  const asked = scope.split(' ').filter(Boolean);
  const given = within(client.permissions, within(held, asked));
  if (given.length < new Set(asked).size) refuse('invalid_scope', 'the scope is wider than that of the subject token');
  return given;
}

/** What two lists of patterns have in common: of each pair the narrower one, where one covers the other. */
function common(one: readonly string[], other: readonly string[]): readonly string[] {
  const narrower = one.flatMap((a) => other.flatMap((b) => (covers(a, b) ? [b] : covers(b, a) ? [a] : [])));
  return [...new Set(narrower)];
}

const defined = (claims: JWTPayload): JWTPayload =>
  Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
