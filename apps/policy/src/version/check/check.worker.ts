import { parentPort } from 'node:worker_threads';
import { jobs } from './check.js';

export interface Asked {
  readonly job: keyof typeof jobs;
  readonly args: readonly unknown[];
}

parentPort?.on('message', ({ job, args }: Asked) => {
  const work = jobs[job] as (...given: readonly unknown[]) => unknown;
  // Whatever it throws ends this thread, and the job with it: the next one gets a new thread.
  parentPort?.postMessage(work(...args));
});
