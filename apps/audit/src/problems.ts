import { defineProblems } from '@gatehouse/http';

defineProblems({
  not_yet_covered: { status: 503, title: 'No checkpoint covers this entry yet' },
});

/** The next checkpoint is signed within a second of an entry. */
export const nextCheckpointSeconds = 1;
