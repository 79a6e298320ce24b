/** Injection token of the one decision point of the process. */
export const DECISION_POINT = Symbol('policy.decision-point');
/** What decided at another moment: see `PastMoments`. */
export const PAST_MOMENTS = Symbol('policy.past-moments');
