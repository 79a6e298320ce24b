/** Injection token of the one decision point of the process. */
export const DECISION_POINT = Symbol('policy.decision-point');
