import { describe, expect, it } from '@jest/globals';
import { loadTool } from './tools.fixture.js';

interface Summary {
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly { readonly where: string; readonly title: string; readonly detail: string }[];
}

interface SummaryTool {
  summarize(runs: readonly { readonly project: string; readonly results: object | undefined }[]): Summary;
  lastLine(summary: Summary): string;
  formatFailure(failure: Summary['failures'][number], index: number): string;
}

const { summarize, lastLine, formatFailure } = await loadTool<SummaryTool>('test-summary.mjs');

/** The shape that jest 30 writes with --json, as far as it is read. */
const jestRun = (passed: number, pending: number, suites: object[] = []) => ({
  numPassedTests: passed,
  numPendingTests: pending,
  numTodoTests: 0,
  testResults: suites,
});
const suite = (status: string, message: string, assertionResults: object[] = []) => ({
  name: '/repo/libs/bus/dist/publish.spec.js',
  status,
  message,
  assertionResults,
});

describe('summarize', () => {
  it('adds up the projects', () => {
    const summary = summarize([
      { project: 'bus', results: jestRun(3, 0) },
      { project: 'http', results: jestRun(4, 1) },
    ]);
    expect(lastLine(summary)).toBe('7 passed, 0 failed, 1 skipped');
  });

  it('counts a project without results as a failure: it crashed', () => {
    const summary = summarize([{ project: 'bus', results: undefined }]);
    expect(lastLine(summary)).toBe('0 passed, 1 failed');
    expect(summary.failures[0]?.where).toBe('bus');
  });

  it('names each failed test with its file and message, without colours and without the frames of others', () => {
    const failed = {
      status: 'failed',
      fullName: 'publish waits for the ack',
      failureMessages: [
        '\u001b[31mError: no ack\u001b[39m\n    at us.js:1:1\n    at run (/repo/node_modules/jest/a.js:1:1)',
      ],
    };
    const summary = summarize([
      { project: 'bus', results: jestRun(1, 0, [suite('failed', 'x', [failed, { ...failed, status: 'passed' }])]) },
    ]);
    expect(lastLine(summary)).toBe('1 passed, 1 failed');
    expect(summary.failures.map(formatFailure).join('')).toBe(
      '  1) bus dist/publish.spec.js\n     publish waits for the ack\n     Error: no ack\n         at us.js:1:1\n',
    );
  });

  it('counts a suite that did not run, whose tests jest does not know', () => {
    const summary = summarize([{ project: 'bus', results: jestRun(0, 0, [suite('failed', 'Cannot find module')]) }]);
    expect(lastLine(summary)).toBe('0 passed, 1 failed');
    expect(summary.failures[0]?.detail).toBe('Cannot find module');
  });

  it('counts a suite whose clean-up failed after its tests had passed', () => {
    const results = jestRun(1, 0, [suite('failed', 'afterAll threw', [{ status: 'passed', fullName: 'a' }])]);
    expect(lastLine(summarize([{ project: 'bus', results }]))).toBe('1 passed, 1 failed');
  });
});
