import { ProblemError } from '@gatehouse/http';
import { organizationsOf } from '../history/organizations-of.js';
import { type CandidateInput, type CandidateReader, readCandidate } from './candidate-input.js';
import { Replay } from './replay.js';
import { replayLog, type Span } from './replay-log.js';
import { type Running, type Simulations, SimulationsBusy } from './simulations.js';
import { type TightenSources, tighten } from './tighten.js';

export interface SimulatingOptions extends CandidateReader {
  readonly sources: TightenSources;
  readonly simulations: Simulations;
}

export type Times = Omit<Span, 'organizations'>;

const retryAfterSeconds = 5;

/** Starts what takes longer than a request. */
export class Simulating {
  readonly #options: SimulatingOptions;

  constructor(options: SimulatingOptions) {
    this.#options = options;
  }

  get simulations(): Simulations {
    return this.#options.simulations;
  }

  /** @throws ProblemError for a candidate that is none, `simulation_busy` */
  async replay(times: Times, input: CandidateInput): Promise<string> {
    const { sources } = this.#options;
    const candidate = await readCandidate(this.#options, times.tenantId, input);
    const organizations = candidate === 'active' ? [] : organizationsOf(candidate);
    const span: Span = { ...times, organizations };
    return this.#start(span.tenantId, 'replay', async (running) => {
      const replay = new Replay(span.tenantId, candidate);
      const { isCut } = await replayLog(sources, span, running, (recorded, facts, then) => {
        replay.add(recorded, facts, then);
      });
      const between = { from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString() };
      return { ...between, candidate: candidate === 'active' ? 'active' : candidate.digest, isCut, ...replay.result() };
    });
  }

  /** @throws ProblemError `simulation_busy`, `policy_unavailable` */
  tighten(times: Times): string {
    const { sources, policies } = this.#options;
    const { policy } = policies.of(times.tenantId);
    const span: Span = { ...times, organizations: organizationsOf(policy) };
    return this.#start(span.tenantId, 'tighten', (running) => tighten(sources, span, policy, running));
  }

  #start(tenantId: string, kind: string, work: (running: Running) => Promise<unknown>): string {
    try {
      return this.#options.simulations.start(tenantId, kind, work);
    } catch (error) {
      if (!(error instanceof SimulationsBusy)) throw error;
      throw new ProblemError('simulation_busy', undefined, { retryAfterSeconds, cause: error });
    }
  }
}
