import type { PolicyMode } from '@gatehouse/contracts';
import type { CompiledPolicy } from '@gatehouse/evaluator';
import { builtinPolicy } from '../role/roles.js';

/** What a tenant decides by, as of the position the facts stand at. */
export interface ActivePolicy {
  readonly policy: CompiledPolicy;
  readonly mode: PolicyMode;
}

const builtinOnly: ActivePolicy = { policy: builtinPolicy, mode: 'strict' };

/** The active policy of every tenant, in memory. Changed by the loop that follows the log, together with the facts. */
export class ActivePolicies {
  readonly #byTenant = new Map<string, ActivePolicy>();

  of(tenantId: string): ActivePolicy {
    return this.#byTenant.get(tenantId) ?? builtinOnly;
  }

  set(tenantId: string, active: ActivePolicy): void {
    this.#byTenant.set(tenantId, active);
  }
}
