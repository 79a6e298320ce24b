import type { FieldError } from './model.js';

/** The policy cannot be compiled; `errors` says all that is wrong, by path such as `roles.0.rules.2.actions.1`. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';

  constructor(readonly errors: readonly FieldError[]) {
    super(`policy has ${errors.length} errors, first: ${errors[0]?.path} ${errors[0]?.message}`);
  }
}
