import type { Envelope } from '@gatehouse/contracts';
import type { PostgresEventStore } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { type Platform, readAsTenant } from '@gatehouse/service';
import { answering } from '../problems.js';
import { commandContext, commandIdOf } from '../request-command.js';
import { type Change, lockTenancy } from './tenancy-change.service.js';

export interface TenancyCommand<T> {
  readonly store: PostgresEventStore;
  readonly request: HttpRequest;
  readonly caller: Principal;
  /** Tells commands with the same `Idempotency-Key` apart. */
  readonly operation: string;
  /** The stream that the command's first event goes to, where it is known before. */
  readonly streamId?: string;
  /** Another tenant than the one the caller acts in, if he may change that. */
  readonly tenantId?: string;
  /** Unix time in milliseconds, for a command that needed it before. */
  readonly now?: number;
  /** Does it; the command id belongs to the first append. Not called for a command that is stored already. */
  readonly work: (change: Change, commandId: string | undefined) => Promise<unknown>;
  /** What the caller is told, read in the same transaction. `before` are the events of a command that was repeated. */
  readonly answer: (change: Change, before: readonly Envelope[] | undefined) => Promise<T>;
}

/** Runs one change of a tenant under its lock, in one transaction, and answers what it reads there. */
export async function runTenancyCommand<T>(command: TenancyCommand<T>): Promise<T> {
  const { store, request, caller, operation, streamId, work, answer } = command;
  const tenantId = command.tenantId ?? caller.tenantId;
  const context = { ...commandContext(request, caller, command.now ?? Date.now()), tenantId };
  const commandId = commandIdOf(request, caller, operation);
  return answering(() =>
    store.together(tenantId, async (log, client) => {
      const change: Change = { log, client, context };
      await lockTenancy(client, tenantId);
      // Asked under the lock: the same command may be at work in another connection.
      const before = commandId !== undefined && (await log.readCommand(tenantId, commandId));
      if (before && streamId !== undefined && before.events[0]?.streamId !== streamId)
        throw new ProblemError('idempotency_key_reused');
      if (!before) await work(change, commandId);
      return answer(change, before ? before.events : undefined);
    }),
  ).catch(sayWhen);
}

/** A day's bound is not over in a second, which a 429 says of itself. */
const sayWhen = (error: unknown): never => {
  if (!(error instanceof ProblemError) || error.code !== 'invitation_limit') throw error;
  throw new ProblemError(error.code, undefined, { retryAfterSeconds: 3_600 });
};

/** Rows of one tenant, as PostgreSQL shows them to the request role. */
export const rowsOf = <T>(platform: Platform, tenantId: string, text: string, values: readonly unknown[]) =>
  readAsTenant(platform.database.source, tenantId, (manager) => manager.query<T[]>(text, [...values]));
