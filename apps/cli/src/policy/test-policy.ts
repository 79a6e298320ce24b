import { runPolicyTests, type TestResult } from '@gatehouse/policy-document';
import { defineCommand, type Tools } from '../command.js';
import { exitCodes, usageFailure } from '../failure.js';
import type { Output } from '../output/output.js';
import { type PolicyFile, readSoundPolicy } from './policy-file.js';

export const testPolicy = defineCommand({
  command: 'test [file]',
  describe: 'Run the test cases of a policy file; needs no service',
  options: (parser) =>
    parser
      .positional('file', { alias: 'f', type: 'string', describe: 'YAML or JSON; - is stdin' })
      .option('quiet', { type: 'boolean', default: false, describe: 'Only those that fail' }),
  run: async ({ file, quiet }, tools) => {
    if (file === undefined) throw usageFailure('Name a policy file', 'gatehouse policy test policy.yaml');
    const policy = await readSoundPolicy(file, tools);
    if (policy.parsed.tests.length === 0) throw usageFailure(`${policy.name} has no tests`);
    const results = runTests(policy);
    const failed = results.filter(({ passed }) => !passed).length;
    if (tools.output.isJson) tools.output.json({ passed: results.length - failed, failed, results });
    else printResults(quiet ? results.filter(({ passed }) => !passed) : results, tools);
    tools.output.note(`${results.length - failed} passed, ${failed} failed`);
    return failed > 0 ? exitCodes.negative : exitCodes.ok;
  },
});

export const runTests = ({ parsed: { document, tests } }: PolicyFile): readonly TestResult[] =>
  document ? runPolicyTests(document, tests) : [];

export function printResults(results: readonly TestResult[], { output }: Pick<Tools, 'output'>): void {
  for (const result of results) printResult(result, output);
}

function printResult({ name, passed, faults, needed }: TestResult, output: Output): void {
  output.facts([[passed ? 'ok    ' : 'FAILED', name]]);
  for (const fault of faults) output.facts([['      ', fault]]);
  if (passed || !needed) return;
  const { roles, rules } = needed;
  if (roles.length > 0) output.facts([['      ', `needed one of the roles: ${roles.join(', ')}`]]);
  if (rules.length > 0) output.facts([['      ', `or to be meant by: ${rules.join(', ')}`]]);
}
