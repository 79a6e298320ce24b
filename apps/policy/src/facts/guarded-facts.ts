import { LiveFacts, type TenantFacts } from '@gatehouse/evaluator';
import { StoreUnavailable } from '@gatehouse/event-store';

/** The facts of a tenant are not known: nothing can be decided. */
export class FactsUnavailable extends StoreUnavailable {
  override readonly name = 'FactsUnavailable';
}

/** Facts that are not handed out before they are complete, nor those of a tenant of which an event could not be applied. */
export class GuardedFacts extends LiveFacts {
  readonly #refused = new Set<string>();
  #isOpen = false;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Tenants about which nothing is decided. */
  get refused(): ReadonlySet<string> {
    return this.#refused;
  }

  open(): void {
    this.#isOpen = true;
  }

  refuse(tenantId: string): void {
    this.#refused.add(tenantId);
  }

  /** @throws FactsUnavailable */
  override tenant(tenantId: string): TenantFacts {
    if (!this.#isOpen) throw new FactsUnavailable('the facts are being loaded');
    if (this.#refused.size > 0 && this.#refused.has(tenantId))
      throw new FactsUnavailable('an event of this tenant could not be applied');
    return super.tenant(tenantId);
  }

  override clear(): void {
    super.clear();
    this.#refused.clear();
    this.#isOpen = false;
  }
}
