import { sqlState } from '@gatehouse/event-store';

/**
 * Why something could not be done in a target. The words are ours, or an SQLSTATE: the target's own text may hold names,
 * values and addresses, and is kept for no log and no caller.
 */
export type TargetErrorCode =
  | 'address_refused'
  | 'sslmode_refused'
  | 'unreachable'
  | 'login_refused'
  | 'other_server'
  | 'own_server'
  | 'standby'
  | 'role_not_made'
  | 'role_missing'
  | 'busy'
  | `sqlstate_${string}`;

export class TargetError extends Error {
  constructor(
    readonly code: TargetErrorCode,
    /** Whether the statement may have taken effect all the same. */
    readonly outcome: 'none' | 'unknown' = 'none',
    options?: ErrorOptions,
  ) {
    super(`the target database: ${code}`, options);
    this.name = 'TargetError';
  }
}

const loginStates: ReadonlySet<string> = new Set(['28000', '28P01', '3D000']);

/** Whose fault it is: of everything there, or of one statement. */
export const isAboutServer = ({ code }: TargetError): boolean =>
  !code.startsWith('sqlstate_') && !code.startsWith('role_');

const lostStates = /^(08|57P)/;

/** Any failure of a connection or statement, in our words. */
export function toTargetError(error: unknown, outcome: 'none' | 'unknown' = 'none'): TargetError {
  if (error instanceof TargetError) return error;
  const state = sqlState(error);
  if (state === undefined || lostStates.test(state)) return new TargetError('unreachable', outcome);
  if (loginStates.has(state)) return new TargetError('login_refused', outcome);
  // 53300: too many connections. 55P03, 57014, 40P01, 40001: a lock or the time, which another attempt may get.
  return new TargetError(state.startsWith('53') ? 'busy' : `sqlstate_${state}`, outcome);
}

/** Runs statements in a target; what fails there is told in our words. */
export async function inTarget<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toTargetError(error);
  }
}
