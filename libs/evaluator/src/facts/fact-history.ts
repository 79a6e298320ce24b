import type { FactChange, TenantFacts } from '../model.js';
import { LiveFacts } from './live-facts.js';

interface Step {
  readonly step: number;
  readonly tenantId: string;
  readonly change: FactChange;
}

/**
 * The facts of one tenant at every moment. Steps never fall; several changes may share one.
 *
 * @example
 * const history = new FactHistory('acme');
 * history.apply(1, { kind: 'granted', grant });
 * history.at(0).held(grant.subject) // []
 */
export class FactHistory {
  readonly #steps: Step[] = [];

  constructor(readonly tenantId: string) {}

  /** Of another tenant only grants on `*` count: they make members of that organization. */
  apply(step: number, change: FactChange, tenantId = this.tenantId): void {
    this.#steps.push({ step, tenantId, change });
  }

  /** As of the end of a step. */
  at(step: number): TenantFacts {
    const facts = new LiveFacts();
    for (const { step: at, tenantId, change } of this.#steps) if (at <= step) facts.apply(tenantId, change);
    return facts.tenant(this.tenantId);
  }
}
