import type { HttpRequest, Principal } from '@gatehouse/http';
import type { Asked } from './question.js';

/** The credential of a caller: its key, else its sign-in, else itself. */
export function credentialOf(caller: Principal): string {
  const { keyId, sessionId } = caller as { readonly keyId?: string; readonly sessionId?: string };
  return keyId ?? sessionId ?? `${caller.type}/${caller.id}`;
}

/** A tenant's enforcement point over HTTP. The address is recorded for services only: a person's is personal data. */
export const askedBy = (request: HttpRequest, caller: Principal): Asked => ({
  caller: { type: caller.type, id: caller.id },
  correlationId: request.trace?.traceId ?? '',
  credential: credentialOf(caller),
  auditable: true,
  ...(caller.type === 'service' && { ip: request.ip }),
});
