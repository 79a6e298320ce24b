import { formatPosition, type Position } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import { handle, type NewEvent, type PostgresEventStore } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { commandContext, commandIdOf } from '@gatehouse/service';
import type { DataSource } from 'typeorm';
import type { Facts } from '../../facts/facts.js';
import type { Checker } from '../check/checker.service.js';
import { answering } from '../problems.js';
import { type TenantPolicy, tenantPolicyDecider, tenantPolicyStream } from '../tenant-policy.js';
import { readVersionText } from '../version-texts.js';

export interface ActivatingOptions {
  readonly store: PostgresEventStore;
  readonly source: DataSource;
  readonly facts: Facts;
  readonly checker: Checker;
}

/** Who asks for a change of the tenant's policy, and by which request. */
export interface AskedBy {
  readonly caller: Principal;
  readonly request: HttpRequest;
}

export type Outcome =
  | { readonly status: 'activated'; readonly position?: string; readonly [more: string]: unknown }
  | { readonly status: 'awaiting_approval'; readonly requestId: string; readonly position?: string };

/** Longest wait for this replica to decide by what it has just activated; other replicas follow on their own. */
const ownWriteWaitMs = 2_000;

/** Commands on the one stream that says what decides for a tenant. */
export class Activating {
  readonly #options: ActivatingOptions;

  constructor(options: ActivatingOptions) {
    this.#options = options;
  }

  async state(tenantId: string): Promise<TenantPolicy> {
    const { events } = await this.#options.store.read(tenantId, tenantPolicyStream);
    return events.reduce(tenantPolicyDecider.evolve, tenantPolicyDecider.initialState);
  }

  /**
   * @param operation what is done, for the repetition by `Idempotency-Key`
   * @param decide gets the time and the id of the request that it may become
   */
  async change(
    { caller, request }: AskedBy,
    operation: string,
    decide: (given: { requestId: string; now: number }) => (state: TenantPolicy) => readonly NewEvent[],
  ): Promise<Outcome> {
    const now = Date.now();
    const commandId = commandIdOf(request, caller, operation);
    const { events, position } = await answering(() =>
      handle(this.#options.store, tenantPolicyDecider, {
        // COMMIT POINT: from this event's place in the log on every replica decides by it.
        streamId: tenantPolicyStream,
        context: commandContext(request, caller, now),
        ...(commandId && { commandId }),
        decide: decide({ requestId: uuidv7(now), now }),
      }),
    );
    await this.#reached(position);
    const last = events.at(-1);
    const place = position && { position: formatPosition(position) };
    if (last?.type.endsWith('_requested'))
      return { status: 'awaiting_approval', requestId: String(last.data.requestId), ...place };
    return { status: 'activated', ...(last ? last.data : { unchanged: true }), ...place };
  }

  /**
   * A version that may be activated: it can be compiled by what is known today, and gives the answers its tests expect.
   *
   * @throws ProblemError `not_found`, `policy_not_activatable`, `policy_tests_failed`
   */
  async assertActivatable(tenantId: string, digest: string | null, tested = true): Promise<void> {
    if (digest === null) return;
    const { source, checker } = this.#options;
    const text = await readVersionText(source, tenantId, digest);
    const assessed = await checker.run('assess', digest, text, tested);
    if (!assessed.ok) throw new ProblemError('policy_not_activatable', assessed.errors[0]?.message);
    const { results } = assessed;
    const failed = results.filter((result) => !result.passed);
    if (failed.length === 0) return;
    throw new ProblemError('policy_tests_failed', `${failed.length} of ${results.length} test cases fail`, {
      members: { passed: results.length - failed.length, failed: failed.length, results: failed },
    });
  }

  async #reached(position: Position | undefined): Promise<void> {
    if (position) await this.#options.facts.waitFor(position, ownWriteWaitMs);
  }
}
