/** Injection token of the `Platform`. */
export const PLATFORM = Symbol('gatehouse.platform');
