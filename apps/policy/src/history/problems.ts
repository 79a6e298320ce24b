import { defineProblems, ProblemError } from '@gatehouse/http';

const problems = {
  as_of_malformed: { status: 400, title: 'The moment is neither a position nor a time' },
  as_of_in_future: { status: 400, title: 'The log has not reached this moment' },
  history_too_long: { status: 409, title: 'The history is longer than this service reads into memory' },
} as const;
defineProblems(problems);

export const refusePast = (code: keyof typeof problems): ProblemError => new ProblemError(code);
