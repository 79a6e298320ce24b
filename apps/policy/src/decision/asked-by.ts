import { credentialOf } from '@gatehouse/authn';
import type { HttpRequest, Principal } from '@gatehouse/http';
import type { Asked } from './question.js';

/** What limits of scope `per_key` count a caller by: its credential, else itself. */
export function countedCredential(caller: Principal): string {
  return credentialOf(caller) ?? `${caller.type}/${caller.id}`;
}

/** A tenant's enforcement point over HTTP. The address is recorded for services only: a person's is personal data. */
export const askedBy = (request: HttpRequest, caller: Principal): Asked => ({
  caller: { type: caller.type, id: caller.id },
  correlationId: request.trace?.traceId ?? '',
  credential: countedCredential(caller),
  auditable: true,
  ...(caller.type === 'service' && { ip: request.ip }),
});
