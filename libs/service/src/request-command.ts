import { createHash } from 'node:crypto';
import type { CommandContext } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { z } from 'zod';

/** For the API document; {@link commandIdOf} and {@link expectedRevisionOf} check them. */
export const commandHeaders = z.object({
  'idempotency-key': z.string().optional().describe('8 to 128 of [A-Za-z0-9._-]: the same again does nothing twice'),
  'if-match': z.string().optional().describe('"<revision>": do it only if nobody changed the resource meanwhile'),
});

/** The edge's part of every event: who, when, in which trace, allowed by which decision. */
export function commandContext(request: HttpRequest, caller: Principal, now: number): CommandContext {
  return {
    tenantId: caller.tenantId,
    actor: { type: caller.type, id: caller.id },
    now,
    correlationId: request.trace?.traceId ?? '',
    ...(request.decisionId !== null && { causationId: request.decisionId }),
    // The address of a person is personal data; that of a service is not.
    ...(caller.type === 'service' && { source: { ip: request.ip } }),
  };
}

const idempotencyKeyPattern = /^[A-Za-z0-9._-]{8,128}$/;

/**
 * The command's id from `Idempotency-Key`, if there is one: unique per operation and caller, so that two callers who
 * choose the same text do not meet. The caller is hashed because a command id is bounded and an identifier is not.
 */
export function commandIdOf(request: HttpRequest, caller: Principal, operation: string): string | undefined {
  const given = request.headers['idempotency-key'];
  if (given === undefined) return undefined;
  if (typeof given !== 'string' || !idempotencyKeyPattern.test(given))
    throw invalidHeader('idempotency-key', 'is not 8 to 128 characters of [A-Za-z0-9._-]');
  const owner = createHash('sha256').update(`${caller.type}\0${caller.id}`).digest('base64url').slice(0, 22);
  return `${operation}:${owner}:${given}`;
}

/** The revision in `If-Match`, if there is one. Ours are strong and one at a time (RFC 9110, 13.1.1). */
export function expectedRevisionOf(request: HttpRequest): number | undefined {
  const given = request.headers['if-match'];
  if (given === undefined || given === '*') return undefined;
  const revision = /^"(\d{1,9})"$/.exec(given)?.[1];
  if (revision === undefined) throw invalidHeader('if-match', 'is not one revision in quotation marks');
  return Number(revision);
}

const invalidHeader = (name: string, message: string): ProblemError =>
  new ProblemError('validation_failed', undefined, { errors: [{ path: `headers.${name}`, message }] });
