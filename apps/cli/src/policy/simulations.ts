import type { Tools } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import type { Output } from '../output/output.js';
import { pause } from '../reference.js';
import { policyPath } from './policy-api.js';

export interface Example {
  readonly id: string;
  readonly at: string;
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  readonly before: { readonly reason: string; readonly matched: readonly string[] };
  readonly after: { readonly reason: string; readonly matched: readonly string[] };
}

type Counts = readonly { readonly name: string; readonly count: number }[];

/** The decisions that would come out differently in one way. */
export interface Side {
  readonly total: number;
  readonly byRole: Counts;
  readonly byRule: Counts;
  readonly byResourceType: Counts;
  readonly byAction: Counts;
  readonly bySubject: Counts;
  readonly examples: readonly Example[];
}

export interface Replay {
  readonly decisions: number;
  readonly newlyAllowed: Side;
  readonly newlyDenied: Side;
  readonly undecidable: { readonly total: number; readonly paths: readonly string[] };
}

interface Simulation<R> {
  readonly status: 'running' | 'done' | 'failed' | 'cancelled';
  readonly progress: { readonly done: number; readonly total: number };
  readonly decisionsPerSecond: number;
  readonly result?: R;
}

const askEveryMs = 300;
const tellEveryMs = 2_000;

/** Waits for a simulation and tells how far it is. @throws Failure if it has no result */
export async function simulated<R>(path: string, body: object, { client, output }: Tools): Promise<R> {
  const known = client();
  const { simulationId } = await known.post<{ simulationId: string }>(`${policyPath}/${path}`, body);
  for (let told = Date.now(); ; await pause(askEveryMs)) {
    const simulation = await known.get<Simulation<R>>(`${policyPath}/simulations/${encodeURIComponent(simulationId)}`);
    const { status, progress, decisionsPerSecond, result } = simulation;
    if (status === 'done' && result !== undefined) return result;
    if (status !== 'running') throw new Failure(exitCodes.unavailable, `the simulation ${simulationId} is ${status}`);
    if (Date.now() - told < tellEveryMs) continue;
    told = Date.now();
    output.note(`${progress.done} of about ${progress.total} decisions, ${decisionsPerSecond} a second`);
  }
}

/** What a replay found, for people. */
export function printReplay(replay: Replay, examples: number, output: Output): void {
  output.facts([
    ['decisions replayed', String(replay.decisions)],
    ['newly allowed', String(replay.newlyAllowed.total)],
    ['newly denied', String(replay.newlyDenied.total)],
    ['undecidable', String(replay.undecidable.total)],
  ]);
  printSide('NEWLY ALLOWED', replay.newlyAllowed, examples, output);
  printSide('NEWLY DENIED', replay.newlyDenied, examples, output);
  if (replay.undecidable.total > 0)
    output.note(
      `undecidable: the candidate reads what was not recorded (${replay.undecidable.paths.join(', ')}); "record" of a policy keeps it from now on`,
    );
}

function printSide(title: string, side: Side, examples: number, output: Output): void {
  if (side.total === 0) return;
  const groups = [
    ['role', side.byRole],
    ['rule', side.byRule],
    ['resource type', side.byResourceType],
    ['action', side.byAction],
    ['subject', side.bySubject],
  ] as const;
  output.line('');
  output.table(
    [title, 'NAME', 'DECISIONS'],
    groups.flatMap(([by, counts]) => counts.slice(0, 10).map(({ name, count }) => [`by ${by}`, name, String(count)])),
  );
  if (examples === 0) return;
  output.line('');
  output.table(
    ['EXAMPLE', 'SUBJECT', 'ACTION', 'RESOURCE', 'THEN', 'NOW', 'DECISION'],
    side.examples
      .slice(0, examples)
      .map(({ at, subject, action, resource, before, after, id }) => [
        output.time(at),
        subject,
        action,
        resource,
        why(before),
        why(after),
        id,
      ]),
  );
}

const why = ({ reason, matched }: Example['before']): string =>
  matched.length === 0 ? reason : `${reason}: ${matched[0]}`;
