/** Reads the results that each project's jest run leaves behind, and says in one line how it went. */
import { stripVTControlCharacters } from 'node:util';

const detailLines = 40;

function shorten(message) {
  const lines = stripVTControlCharacters(message)
    .trimEnd()
    .split('\n')
    .filter((line) => !/^\s+at .*(node_modules|node:internal)/.test(line));
  const rest = lines.length - detailLines;
  return rest > 0 ? [...lines.slice(0, detailLines), `... ${rest} more lines`].join('\n') : lines.join('\n');
}

function suiteFailures(project, suite) {
  const file = suite.name.replace(/^.*\/(?=dist\/)/, '');
  const failed = suite.assertionResults.filter((test) => test.status === 'failed');
  // A suite that could not be loaded, or died, has no test of its own to blame: it counts as one failure.
  if (failed.length === 0 && suite.status === 'failed') {
    return [{ where: `${project} ${file}`, title: 'the suite did not run', detail: shorten(suite.message) }];
  }
  return failed.map((test) => ({
    where: `${project} ${file}`,
    title: test.fullName,
    detail: shorten(test.failureMessages.join('\n')),
  }));
}

/**
 * Sums up `[{project, results}]`, where `results` is the JSON that `jest --json` wrote, or undefined if there is none:
 * a project that was asked to run and left nothing behind crashed, which is a failure.
 */
export function summarize(runs) {
  const summary = { passed: 0, skipped: 0, failures: [] };
  for (const { project, results } of runs) {
    if (results === undefined) {
      summary.failures.push({ where: project, title: 'jest ended without writing its results', detail: '' });
      continue;
    }
    summary.passed += results.numPassedTests;
    summary.skipped += results.numPendingTests + results.numTodoTests;
    summary.failures.push(...results.testResults.flatMap((suite) => suiteFailures(project, suite)));
  }
  return summary;
}

/** `N passed, N failed`, and `, N skipped` if any: the line that continuous integration reads. */
export function lastLine({ passed, failures, skipped }) {
  return `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

export function formatFailure({ where, title, detail }, index) {
  const indented = detail.replace(/^(?=.)/gm, '     ');
  return `${String(index + 1).padStart(3)}) ${where}\n     ${title}${indented ? `\n${indented}` : ''}\n`;
}
