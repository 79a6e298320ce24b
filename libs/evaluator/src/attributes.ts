/** Characters that may still be used. */
export interface Budget {
  left: number;
}

/** Deepest accepted nesting of lists and objects. */
export const deepestAttributes = 16;

const wrongDepth = `must be nested at most ${deepestAttributes} deep`;
const wrongSize = 'is too long';
/** Cheap, and nearly no text has one. */
const surrogate = /[\ud800-\udfff]/;
const halfPair = /\p{Cs}/u;

function textFault(text: string, budget: Budget): string | undefined {
  budget.left -= text.length;
  if (budget.left < 0) return wrongSize;
  // Half a surrogate pair could not be recorded in canonical JSON.
  return surrogate.test(text) && halfPair.test(text) ? 'must not hold half a surrogate pair' : undefined;
}

function valueFault(value: unknown, budget: Budget, depth: number): string | undefined {
  if (--budget.left < 0) return wrongSize;
  if (typeof value === 'string') return textFault(value, budget);
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'must hold finite numbers';
  if (typeof value !== 'object') return 'must be JSON';
  if (depth === 0) return wrongDepth;
  if (Array.isArray(value)) {
    for (const element of value) {
      const fault = valueFault(element, budget, depth - 1);
      if (fault) return fault;
    }
    return undefined;
  }
  for (const name in value) {
    if (!Object.hasOwn(value, name)) continue;
    const fault = textFault(name, budget) ?? valueFault((value as Record<string, unknown>)[name], budget, depth - 1);
    if (fault) return fault;
  }
  return undefined;
}

/**
 * What is wrong with an object of attributes; takes from the budget one for each value and one for each code unit of
 * names and texts. Stops at the bound, however large the input is.
 */
export function attributesFault(value: unknown, budget: Budget): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object';
  return valueFault(value, budget, deepestAttributes);
}
