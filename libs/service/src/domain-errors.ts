import { RpcError } from '@gatehouse/bus';
import {
  EventTooLarge,
  isTransient,
  RevisionConflict,
  StoreOverloaded,
  StoreUnavailable,
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
  return isDatabaseFailure(error) ? unavailable('The database cannot be reached', 1, error) : undefined;
};

/** TypeORM wraps the driver's error; what counts is whether trying again may help. */
const isDatabaseFailure = (error: unknown): boolean => {
  const inner = (error as { driverError?: unknown } | undefined)?.driverError ?? error;
  return isTransient(inner);
};
