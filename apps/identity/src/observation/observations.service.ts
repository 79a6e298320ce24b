import type { ObserveRequest } from '@gatehouse/contracts';

/** Takes one report of one service. What it throws makes the service report the same again. */
export type Observer = (report: ObserveRequest) => void | Promise<void>;

/**
 * Where the reports of all services arrive: which keys were used, who was refused. Each area that cares adds itself.
 * A report may arrive twice; observers must not mind.
 */
export class Observations {
  readonly #observers: Observer[] = [];

  add(observer: Observer): void {
    this.#observers.push(observer);
  }

  /** Answers how many rows were taken. */
  async take(report: ObserveRequest): Promise<{ readonly taken: number }> {
    for (const observer of this.#observers) await observer(report);
    return { taken: report.uses.length + report.refusals.length };
  }
}
