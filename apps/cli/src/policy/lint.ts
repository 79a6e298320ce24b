import { digestOf, type Finding } from '@gatehouse/policy-document';
import { defineCommand } from '../command.js';
import { exitCodes, usageFailure } from '../failure.js';
import { annotation } from '../output/annotation.js';
import { printable } from '../output/table.js';
import { findingLine, type PolicyFile, readPolicyFile } from './policy-file.js';

const formats = ['text', 'json', 'github'] as const;

export const lintPolicies = defineCommand({
  command: 'lint [files..]',
  describe: 'Check policy files: syntax, names, contradictions, rules that do nothing; needs no service',
  options: (parser) =>
    parser
      .positional('files', { type: 'string', array: true, default: [], describe: 'YAML or JSON; - is stdin' })
      .option('file', {
        alias: 'f',
        type: 'string',
        requiresArg: true,
        describe: 'One of them, as apply and diff have it',
      })
      .option('format', { choices: formats, default: 'text' as const, describe: 'github: annotations of a workflow' })
      .example('$0 policy lint policies/*.yaml --format github', ''),
  run: async ({ files, file: flagged, format, json }, { world, output }) => {
    const named = flagged === undefined ? files : [...files, flagged];
    if (named.length === 0) throw usageFailure('Name a policy file', 'gatehouse policy lint policy.yaml');
    const read: PolicyFile[] = [];
    for (const file of named) read.push(await readPolicyFile(file, world));
    const isWrong = read.some(({ parsed }) => parsed.errors.length > 0);
    if (json || format === 'json') output.json({ ok: !isWrong, files: read.map(reportOf) });
    else
      for (const { name, parsed } of read) {
        const line = format === 'github' ? annotationOf : findingLine;
        for (const finding of [...parsed.errors, ...parsed.warnings]) output.line(printable(line(name, finding)));
        if (format === 'text') output.note(summary(name, parsed.errors.length, parsed.warnings.length));
      }
    return isWrong ? exitCodes.negative : exitCodes.ok;
  },
});

const reportOf = ({ name, parsed: { document, errors, warnings, tests } }: PolicyFile) => ({
  file: name,
  ...(document && { digest: digestOf(document) }),
  tests: tests.length,
  errors,
  warnings,
});

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
const summary = (name: string, errors: number, warnings: number): string =>
  `${name}: ${errors + warnings === 0 ? 'nothing found' : `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`}`;

const annotationOf = (file: string, { line = 1, column = 1, severity, message, code, path }: Finding): string =>
  annotation({ file, line, column, severity, title: code, text: `${path} ${message}`.trim() });
