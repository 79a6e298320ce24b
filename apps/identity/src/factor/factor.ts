import type { Envelope, FactorAdded, FactorKind, RecoveryCodesMade, RecoveryCodeUsed } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

export const factorsStream = (userId: string): string => `factors:${userId}`;

export const maxPasskeys = 20;

/** What a person can prove himself with; nothing here is secret. */
export interface Factors {
  readonly kinds: ReadonlyMap<string, FactorKind>;
  readonly recoveryCodes: number;
}

const without = (kinds: Factors['kinds'], factorId: string) => new Map([...kinds].filter(([id]) => id !== factorId));

type Evolve = (state: Factors, event: Envelope) => Factors;

const changes: Readonly<Record<string, Evolve>> = {
  'factor.added': ({ kinds, recoveryCodes }, { data }) => {
    const { factorId, kind } = data as unknown as FactorAdded;
    return { kinds: new Map([...kinds, [factorId, kind]]), recoveryCodes };
  },
  // Codes stand in for a factor: with the last one they are gone.
  'factor.removed': (state, { data }) => {
    const kinds = without(state.kinds, (data as unknown as FactorAdded).factorId);
    return { kinds, recoveryCodes: kinds.size === 0 ? 0 : state.recoveryCodes };
  },
  'recovery_codes.made': (state, { data }) => ({
    ...state,
    recoveryCodes: (data as unknown as RecoveryCodesMade).count,
  }),
  'recovery_code.used': (state, { data }) => ({
    ...state,
    recoveryCodes: (data as unknown as RecoveryCodeUsed).left,
  }),
};

export const factorsDecider: Decider<Factors> = {
  initialState: { kinds: new Map(), recoveryCodes: 0 },
  evolve: (state, event) => changes[event.type]?.(state, event) ?? state,
};

export const countOf = ({ kinds }: Factors, kind: FactorKind): number =>
  [...kinds.values()].filter((each) => each === kind).length;
