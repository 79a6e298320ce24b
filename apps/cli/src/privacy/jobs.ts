import type { Tools } from '../command.js';
import { pause } from '../reference.js';

/** An export or an erasure, as identity shows how far it is. */
export interface Job {
  readonly status: string;
  readonly progress: {
    readonly done: number;
    readonly total: number;
    readonly phase: string;
    readonly records?: number;
  };
  readonly problem?: string;
}

export const privacyPath = '/api/v1/identity/privacy';
const askEveryMs = 500;
const atAnEnd = new Set(['ready', 'failed', 'expired', 'done', 'refused', 'cancelled']);

/** Waits until a job has come to its end, and tells every new step. */
export async function follow<J extends Job>({ client, output }: Tools, path: string): Promise<J> {
  for (let told = ''; ; ) {
    const job = await client().get<J>(path);
    const { done, total, phase, records } = job.progress;
    const line = `${done}/${total} ${phase}`;
    if (line !== told) output.note(records === undefined ? line : `${line}, ${records} records`);
    told = line;
    if (atAnEnd.has(job.status)) return job;
    await pause(askEveryMs);
  }
}
