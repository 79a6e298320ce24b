import { RpcError } from '@gatehouse/bus';
import {
  EventTooLarge,
  isTransient,
  RevisionConflict,
  StoreOverloaded,
  StoreUnavailable,
  sqlState,
} from '@gatehouse/event-store';
import { type MapError, ProblemError, unavailable } from '@gatehouse/http';

/** How the failures of our libraries answer over HTTP. A service's own codes come first. */
export const mapDomainError: MapError = (error) => {
  if (error instanceof StoreOverloaded) return unavailable('Too many events are waiting to be stored', 1, error);
  if (error instanceof StoreUnavailable) return unavailable('The event store cannot be reached', 1, error);
  if (error instanceof RevisionConflict)
    return new ProblemError('stale_revision', 'The resource changed meanwhile: read it and try again', {
      cause: error,
    });
  if (error instanceof EventTooLarge) return new ProblemError('payload_too_large', undefined, { cause: error });
  if (error instanceof RpcError) return unavailable('Another service cannot be reached', 1, error);
  if (unstorable.has(sqlState(driverError(error)) ?? ''))
    return new ProblemError('validation_failed', 'A text holds a character that cannot be stored, such as NUL', {
      cause: error,
    });
  return isDatabaseFailure(error) ? unavailable('The database cannot be reached', 1, error) : undefined;
};

/** PostgreSQL has no NUL in texts: `character_not_in_repertoire`, and `untranslatable_character` within JSON. */
const unstorable: ReadonlySet<string> = new Set(['22021', '22P05']);

/** TypeORM wraps the driver's error. */
const driverError = (error: unknown): unknown => (error as { driverError?: unknown } | undefined)?.driverError ?? error;

/** What counts is whether trying again may help. */
const isDatabaseFailure = (error: unknown): boolean => isTransient(driverError(error));
