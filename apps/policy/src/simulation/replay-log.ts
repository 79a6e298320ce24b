import { comparePositions, type Position, parsePosition } from '@gatehouse/contracts';
import type { CompiledPolicy, TenantFacts } from '@gatehouse/evaluator';
import { parseEnvelope, type Query } from '@gatehouse/event-store';
import { parseAsOf } from '../history/as-of.js';
import type { Past } from '../history/past-facts.js';
import { positionBefore, readDecisionPage } from './decision-log.js';
import { decisionsOf, type RecordedDecision } from './recorded-decision.js';
import type { Running } from './simulations.js';

/** What a replay reads: the log, and facts and versions as they were. */
export interface ReplaySources {
  /** Connections of the system role. */
  readonly query: Query;
  /** Position up to which the log does not change any more. */
  readonly position: () => string;
  /** Facts of one tenant at any position, ready to be asked; `organizations` as for `PastFacts.load`. */
  readonly past: (tenantId: string, organizations: readonly string[]) => Promise<FactsAt>;
  /** Undefined: not known any more. */
  readonly version: (tenantId: string, digest: string) => Promise<CompiledPolicy | undefined>;
}

export type FactsAt = (position: string) => Pick<Past, 'facts' | 'nowMs'>;

export interface Span {
  readonly tenantId: string;
  /** Other tenants whose members matter to a candidate. */
  readonly organizations: readonly string[];
  /** Unix time in milliseconds; `toMs` itself is left out. */
  readonly fromMs: number;
  readonly toMs: number;
}

export type Visit = (recorded: RecordedDecision, facts: TenantFacts, then: CompiledPolicy | undefined) => void;

/** A replay goes no further: whoever has more asks for shorter times. */
export const mostDecisions = 5_000_000;

/** Versions in memory at once. */
const mostVersions = 16;

/** Written at most this long after it was decided, by any clock of a replica. */
const lateMs = 120_000;

/**
 * Every decision of a tenant in a span of time, in the order of the log, with the facts and the version of the time. One page
 * of the log is in memory at once. Answers whether it stopped at the bound.
 */
export async function replayLog(
  sources: ReplaySources,
  { tenantId, organizations, fromMs, toMs }: Span,
  running: Running,
  visit: Visit,
): Promise<{ isCut: boolean }> {
  const { query } = sources;
  const end = parsePosition(sources.position());
  const start = await positionBefore(query, fromMs, end);
  const upTo = earlier(await positionBefore(query, toMs + lateMs, end), end);
  const factsAt = oneByOne(await sources.past(tenantId, organizations));
  const versions = new Map<string, CompiledPolicy | undefined>();
  let done = 0;
  for (let position = start; ; ) {
    const page = await readDecisionPage(query, tenantId, position, upTo);
    for (const text of page.texts) {
      for (const recorded of decisionsOf(parseEnvelope(text))) {
        if (recorded.decidedAtMs < fromMs || recorded.decidedAtMs >= toMs) continue;
        if (done >= mostDecisions) return { isCut: true };
        if (!versions.has(recorded.policy)) {
          if (versions.size >= mostVersions) versions.clear();
          versions.set(recorded.policy, await sources.version(tenantId, recorded.policy));
        }
        const { facts, nowMs } = factsAt(recorded.facts);
        visit(asItWasAsked(recorded, nowMs), facts, versions.get(recorded.policy));
        done += 1;
        const turn = running.pause();
        if (turn) await turn;
      }
    }
    position = page.position;
    running.progress = { done, total: page.isLast ? done : estimate(done, start, position, upTo) };
    if (page.isLast) return { isCut: false };
  }
}

const earlier = (a: Position, b: Position): Position => (comparePositions(a, b) < 0 ? a : b);

/** Thousands of decisions read the same facts, one after the other. */
function oneByOne(factsAt: FactsAt): FactsAt {
  let last: { position: string; past: ReturnType<FactsAt> } | undefined;
  return (position) => {
    if (last?.position !== position) last = { position, past: factsAt(position) };
    return last.past;
  };
}

/** A question about the past was answered with the time of that moment. */
function asItWasAsked(recorded: RecordedDecision, positionMs: number): RecordedDecision {
  const moment = recorded.asOf === undefined ? undefined : parseAsOf(recorded.asOf);
  if (!moment) return recorded;
  return { ...recorded, nowMs: moment.kind === 'time' ? Math.floor(moment.us / 1_000) : positionMs };
}

/** By how much of the log is behind. */
function estimate(done: number, start: Position, position: Position, upTo: Position): number {
  const whole = Number(upTo.tx - start.tx) || 1;
  const behind = Number(position.tx - start.tx) || 1;
  return Math.max(done, Math.min(mostDecisions, Math.round((done * whole) / behind)));
}
