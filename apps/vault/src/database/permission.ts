import type { CommandContext } from '@gatehouse/event-store';
import { type Authorize, type Noted, ProblemError } from '@gatehouse/http';
import { type Asker, contextOf } from '../asker.js';

/**
 * Asks for one decision, and gives what the events that follow from it have in common.
 *
 * @throws ProblemError `forbidden`
 */
export async function permitted(
  authorize: Authorize,
  asker: Asker,
  action: string,
  resource: string,
  noted?: Noted,
): Promise<CommandContext> {
  const answer = await authorize(asker.caller, action, resource, asker.request, noted);
  if (!answer.allowed) throw new ProblemError('forbidden');
  return {
    ...contextOf(asker),
    ...(answer.decisionId !== undefined && { causationId: answer.decisionId }),
  };
}

/** What the vault does by itself. */
export const ownContext = (tenantId: string): CommandContext => ({
  tenantId,
  actor: { type: 'gatehouse', id: 'vault' },
  now: Date.now(),
  correlationId: '',
});
