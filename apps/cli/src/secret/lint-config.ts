import { resolve } from 'node:path';
import { findReferences, formatPlace, type NearMiss, nearMissTexts, type Place } from '@gatehouse/sdk';
import { defineCommand, type Tools } from '../command.js';
import { exitCodes, usageFailure } from '../failure.js';
import { annotation } from '../output/annotation.js';
import { printable } from '../output/table.js';
import { standardInput } from '../world.js';
import { parsePlaced } from './config-places.js';
import { namesInScope, scopeOption } from './read-secrets.js';
import { readBytes } from './secret-input.js';
import { listAll } from './secrets-api.js';

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly place: string;
  readonly code: string;
  readonly message: string;
}

interface LintedFile {
  readonly file: string;
  readonly findings: readonly Finding[];
  /** Names that are referenced, each once, with where it stands first. */
  readonly names: ReadonlyMap<string, Omit<Finding, 'code' | 'message'>>;
}

const maxFileBytes = 1024 * 1024;
const formats = ['text', 'github'] as const;

export const lintConfig = defineCommand({
  command: 'lint <files..>',
  describe: 'Check configurations: what looks like a reference to a secret and is none, secrets that there are not',
  options: (parser) =>
    parser
      .positional('files', { type: 'string', array: true, demandOption: true, describe: 'YAML or JSON; - is stdin' })
      .options(scopeOption)
      .option('offline', { type: 'boolean', default: false, describe: 'Ask no service which secrets there are' })
      .option('format', { choices: formats, default: 'text' as const, describe: 'github: annotations of a workflow' })
      .example('$0 config lint app.yaml --scope production', ''),
  run: async ({ files, scope, offline, format }, tools) => {
    const linted: LintedFile[] = [];
    for (const file of files) linted.push(await lintFile(String(file), tools));
    const names = [...new Set(linted.flatMap((file) => [...file.names.keys()]))];
    const unknown = offline || names.length === 0 ? [] : await unknownNames(names, scope, tools);
    const findings = linted.flatMap((file) => [...file.findings, ...unknownIn(file, unknown, scope)]);
    print(findings, linted, format, tools);
    return findings.length > 0 ? exitCodes.negative : exitCodes.ok;
  },
});

async function lintFile(file: string, { world }: Tools): Promise<LintedFile> {
  const path = file === standardInput ? undefined : resolve(world.cwd, file);
  const document = parsePlaced(file, decoded(await readBytes(path, world, maxFileBytes), file));
  const { references, nearMisses } = findReferences(document.value);
  const at = (place: Place, ofKey = false) => ({ file, ...document.locate(place, ofKey), place: formatPlace(place) });
  const finding = ({ kind, place }: NearMiss): Finding => ({
    ...at(place, kind === 'key'),
    code: `reference_${kind}`,
    message: nearMissTexts[kind],
  });
  const names = new Map<string, ReturnType<typeof at>>();
  for (const { name, place } of references) if (!names.has(name)) names.set(name, at(place));
  return { file, findings: nearMisses.map(finding), names };
}

function decoded(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageFailure(`${file} is not UTF-8`);
  }
}

/** By their list: nothing is read, and nobody learns of a value. */
async function unknownNames(names: readonly string[], scope: string | undefined, tools: Tools): Promise<string[]> {
  const [first] = namesInScope(names.slice(0, 1), scope);
  const prefix = first?.path.slice(0, -first.name.length).replace(/\/$/, '') ?? '';
  const known = new Set(await listAll(tools.client(), prefix, false));
  return names.filter((name) => !known.has(name));
}

function unknownIn({ names }: LintedFile, unknown: readonly string[], scope: string | undefined): Finding[] {
  const where = scope === undefined ? '' : ` in ${scope}`;
  return unknown.flatMap((name) => {
    const at = names.get(name);
    return at ? [{ ...at, code: 'secret_unknown', message: `there is no secret ${name}${where}` }] : [];
  });
}

function print(
  findings: readonly Finding[],
  linted: readonly LintedFile[],
  format: (typeof formats)[number],
  { output }: Tools,
): void {
  const references = linted.map(({ file, names }) => ({ file, names: [...names.keys()] }));
  if (output.isJson) {
    output.json({ ok: findings.length === 0, findings, references });
    return;
  }
  for (const finding of findings) output.line(printable(format === 'github' ? annotationOf(finding) : lineOf(finding)));
  if (format === 'text')
    output.note(`${findings.length === 0 ? 'nothing' : findings.length} found in ${linted.length} files`);
}

const lineOf = ({ file, line, column, place, message, code }: Finding): string =>
  `${file}:${line}:${column}: error: ${place}: ${message} (${code})`;

const annotationOf = ({ code, place, message, ...at }: Finding): string =>
  annotation({ ...at, severity: 'error', title: code, text: `${place} ${message}` });
