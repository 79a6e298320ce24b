import { type CompiledPolicy, compile, type PolicyDocument } from '@gatehouse/evaluator';
import { Candidate } from './candidate.js';
import type { RecordedDecision } from './recorded-decision.js';
import { withoutGrants } from './reduced-facts.js';
import { Replay, type ReplayResult } from './replay.js';
import { type ReplaySources, replayLog, type Span } from './replay-log.js';
import type { Running } from './simulations.js';
import { ruleName } from './tally.js';
import { Usage } from './usage.js';

export interface ActiveGrant {
  readonly grantId: string;
  readonly subject: { readonly type: string; readonly id: string };
  readonly role: string;
  readonly scope: string;
  readonly grantedAt: string;
}

export interface TightenResult {
  readonly from: string;
  readonly to: string;
  /** Grants to revoke: no decision of the time rested on them. The first thousand, with how many there are. */
  readonly grants: { readonly total: number; readonly listed: readonly ActiveGrant[]; readonly isCut: boolean };
  /** Permit rules of the policy that no decision rested on, and those of custom roles, as `<role>#<n>` within the role. */
  readonly unusedRules: readonly string[];
  readonly unusedRoleRules: readonly string[];
  /** The active policy without them; absent when there is nothing to leave out. */
  readonly document?: PolicyDocument;
  /** Unused by themselves, and kept, because a rule asks who holds them. */
  readonly keptGrants: number;
  /** Decisions that the active policy answers differently than the one of their time: they say nothing of the candidate. */
  readonly changedSince: number;
  readonly isCut: boolean;
  readonly replay: ReplayResult;
}

export interface TightenSources extends ReplaySources {
  /** Active grants of the tenant, a page at a time. */
  readonly activeGrants: (tenantId: string) => AsyncIterable<ActiveGrant>;
}

const listed = 1_000;
/** What one proposal revokes at most; whoever follows it asks again. */
const mostProposed = 100_000;
/** Each gives back what was missed; then nothing at all is proposed. */
const mostRounds = 4;

interface Proposal {
  readonly revoked: ReadonlySet<string>;
  readonly isReduced: boolean;
}

/**
 * From what the decisions of a time rested on: what nobody used, and whether the same decisions come out the same without
 * it. A grant may count without standing in the evidence, when a rule asks for a role or an organization: what the replay
 * misses is given back, and replayed again.
 */
export async function tighten(
  sources: TightenSources,
  span: Span,
  active: CompiledPolicy,
  running: Running,
): Promise<TightenResult> {
  const now = new Candidate(active);
  const { usage, isCut } = await usageOf(sources, span, now, running);
  const proposed = await proposedGrants(sources, span.tenantId, usage, running);
  const reduced = active.document ? usage.reduce(active.document) : undefined;
  const isSmaller = (reduced?.unusedRules.length ?? 0) + (reduced?.unusedRoleRules.length ?? 0) > 0;
  let proposal: Proposal = { revoked: new Set(proposed.keys()), isReduced: isSmaller };
  for (let round = 1; ; round += 1) {
    const document = proposal.isReduced ? reduced?.document : undefined;
    const candidate = document ? compile({ digest: 'candidate', document }) : active;
    const { replay, missed, changedSince } = await replayWithout(
      sources,
      span,
      now,
      candidate,
      proposal.revoked,
      running,
    );
    const result = replay.result();
    if (result.newlyDenied.total > 0 && (proposal.isReduced || proposal.revoked.size > 0)) {
      proposal = round < mostRounds ? lessened(proposal, missed) : { revoked: new Set(), isReduced: false };
      continue;
    }
    const revoked = [...proposed.values()].filter(({ grantId }) => proposal.revoked.has(grantId));
    return {
      from: new Date(span.fromMs).toISOString(),
      to: new Date(span.toMs).toISOString(),
      grants: { total: revoked.length, listed: revoked.slice(0, listed), isCut: proposed.size >= mostProposed },
      unusedRules: document && reduced ? reduced.unusedRules : [],
      unusedRoleRules: document && reduced ? reduced.unusedRoleRules : [],
      ...(document && { document }),
      keptGrants: proposed.size - revoked.length,
      changedSince,
      isCut,
      replay: result,
    };
  }
}

/** Without what was missed; if that is no grant, it was a rule. */
function lessened({ revoked, isReduced }: Proposal, missed: ReadonlySet<string>): Proposal {
  if (missed.size === 0) return { revoked: isReduced ? revoked : new Set(), isReduced: false };
  return { revoked: new Set([...revoked].filter((id) => !missed.has(id))), isReduced };
}

/** By the evidence of the time, and by what the active policy would say today. */
async function usageOf(sources: ReplaySources, span: Span, now: Candidate, running: Running) {
  const usage = new Usage();
  const { isCut } = await replayLog(sources, span, running, (recorded, facts, then) => {
    usage.add(recorded.matched);
    const { least, most } = now.answers(recorded, facts, then);
    usage.add(least.matched.map(ruleName));
    if (most !== least) usage.add(most.matched.map(ruleName));
  });
  return { usage, isCut };
}

/** Owners of the tenant are never among them: without one nobody could grant anything again. */
async function proposedGrants(sources: TightenSources, tenantId: string, usage: Usage, running: Running) {
  const proposed = new Map<string, ActiveGrant>();
  for await (const grant of sources.activeGrants(tenantId)) {
    running.signal.throwIfAborted();
    if (proposed.size >= mostProposed) break;
    const isOwner = grant.role === 'owner' && grant.scope === '*';
    if (!isOwner && !usage.grants.has(grant.grantId)) proposed.set(grant.grantId, grant);
  }
  return proposed;
}

async function replayWithout(
  sources: ReplaySources,
  span: Span,
  now: Candidate,
  candidate: CompiledPolicy,
  revoked: ReadonlySet<string>,
  running: Running,
) {
  const replay = new Replay(span.tenantId, candidate);
  const missed = new Set<string>();
  let changedSince = 0;
  await replayLog(sources, span, running, (recorded, facts, then) => {
    const { least, most } = now.answers(recorded, facts, then);
    const isOutOfScope = recorded.reason === 'out_of_scope';
    if (!isOutOfScope && least.decision === most.decision && least.decision !== wasPermitted(recorded)) {
      changedSince += 1;
      return;
    }
    const outcome = replay.add(recorded, withoutGrants(facts, span.tenantId, revoked), then);
    if (outcome !== 'newly_denied') return;
    for (const { id } of facts.held(recorded.request.subject)) if (revoked.has(id)) missed.add(id);
  });
  return { replay, missed, changedSince };
}

/** Before rate limits: those are the replay's. */
const wasPermitted = ({ isPermitted, reason }: RecordedDecision): boolean => isPermitted || reason === 'rate_limited';
