import { type Authorize, ProblemError } from '@gatehouse/http';
import type { Asker } from '../asker.js';

/** One recorded decision; what the caller does next is caused by it. @throws ProblemError `forbidden` */
export async function ask(authorize: Authorize, { caller, request }: Asker, action: string, resource: string) {
  const decision = await authorize(caller, action, resource, request);
  request.decisionId = decision?.decisionId ?? null;
  if (decision?.allowed === true) return;
  const cause = new Error(`refused by decision ${decision?.decisionId ?? '(unrecorded)'}`);
  throw new ProblemError('forbidden', undefined, { cause });
}
