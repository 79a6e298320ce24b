import type { FactorAdded, FactorKind, RecoveryCodesMade, RecoveryCodeUsed, SealedField } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import { countOf, type Factors, maxPasskeys } from '../factor.js';
import type { FactorRefusal } from '../factor-refusal.js';

export interface AddFactor {
  readonly userId: string;
  readonly factorId: string;
  readonly kind: FactorKind;
  readonly name?: SealedField;
  /** Added by somebody who has proved no more than a password: allowed while there is nothing to take over. */
  readonly onlyAsFirst?: boolean;
  /** How many recovery codes to make with it, if the person has none. */
  readonly recoveryCodes: number;
}

const refuse = (code: FactorRefusal): never => {
  throw new Refusal<FactorRefusal>(code);
};

const event = (type: string, data: object, name?: SealedField): NewEvent => ({
  type,
  version: 1,
  data,
  ...(name && { sealed: { name } }),
});

/** @throws Refusal `already_enrolled`, `totp_exists`, `too_many_passkeys` */
export function addFactor(command: AddFactor, state: Factors): NewEvent[] {
  const { userId, factorId, kind, name, onlyAsFirst, recoveryCodes: count } = command;
  if (onlyAsFirst && state.kinds.size > 0) refuse('already_enrolled');
  if (kind === 'totp' && countOf(state, 'totp') > 0) refuse('totp_exists');
  if (kind === 'passkey' && countOf(state, 'passkey') >= maxPasskeys) refuse('too_many_passkeys');
  const data: FactorAdded = { userId, factorId, kind };
  const codes: RecoveryCodesMade = { userId, count };
  return [event('factor.added', data, name), ...(state.recoveryCodes > 0 ? [] : [event('recovery_codes.made', codes)])];
}

export interface RemoveFactor {
  readonly userId: string;
  readonly factorId: string;
  /** A tenant of the person demands a second factor. */
  readonly demanded: boolean;
}

/** @throws Refusal `factor_not_found`, `last_factor` */
export function removeFactor({ userId, factorId, demanded }: RemoveFactor, state: Factors): NewEvent[] {
  const kind = state.kinds.get(factorId);
  if (!kind) return refuse('factor_not_found');
  if (demanded && state.kinds.size === 1) refuse('last_factor');
  const data: FactorAdded = { userId, factorId, kind };
  return [event('factor.removed', data)];
}

/** @throws Refusal `factor_not_found` */
export function renameFactor(
  { userId, factorId, name }: { readonly userId: string; readonly factorId: string; readonly name: SealedField },
  state: Factors,
): NewEvent[] {
  if (!state.kinds.has(factorId)) refuse('factor_not_found');
  return [event('factor.renamed', { userId, factorId }, name)];
}

/** Codes help only whoever has a factor to lose. @throws Refusal `no_factor` */
export function makeRecoveryCodes(data: RecoveryCodesMade, state: Factors): NewEvent[] {
  if (state.kinds.size === 0) refuse('no_factor');
  return [event('recovery_codes.made', data)];
}

/** @throws Refusal `second_factor_failed` */
export function useRecoveryCode(userId: string, state: Factors): NewEvent[] {
  if (state.recoveryCodes < 1) refuse('second_factor_failed');
  const data: RecoveryCodeUsed = { userId, left: state.recoveryCodes - 1 };
  return [event('recovery_code.used', data)];
}
