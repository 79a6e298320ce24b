import { LineCounter, parseDocument, type YAMLParseError, type Document as YamlDocument } from 'yaml';
import { error, type Finding, type Locate, type Place } from '../finding.js';
import { documentLimits } from '../limits.js';
import { jsonFaultOffset } from './json-fault.js';
import { locator } from './locate.js';
import { plainFindings } from './plain-value.js';
import { tokenFinding } from './token-bounds.js';
import { readValue } from './yaml-value.js';

export type TextFormat = 'yaml' | 'json';

/** The data of a text and where each part of it stands, or why there is none. */
export type ReadText =
  | { readonly ok: true; readonly value: unknown; readonly locate: Locate }
  | { readonly ok: false; readonly findings: readonly Finding[] };

const refused = (findings: readonly Finding[]): ReadText => ({ ok: false, findings });

const tooDeep = error('too_deep', '', 'is nested too deep to be read');

/**
 * Reads YAML 1.2 or JSON. Aliases are followed within a bound, members that come twice, tags of one's own and everything
 * that JSON can't say are refused. Never throws.
 */
export function readText(text: string, format?: TextFormat): ReadText {
  if (Buffer.byteLength(text) > documentLimits.bytes)
    return refused([error('too_large', '', `has more than ${documentLimits.bytes} bytes`)]);
  try {
    const fault = tokenFinding(text);
    if (fault) return refused([fault]);
    const json = readJson(text, format);
    return json.isJson ? readParsedJson(text, json.value) : (json.fault ?? readYaml(text));
  } catch (cause) {
    // The parser goes down one call a level: thousands of open brackets end its stack, and that is all they do.
    if (cause instanceof RangeError) return refused([tooDeep]);
    throw cause;
  }
}

type Json = { isJson: true; value: unknown } | { isJson: false; fault?: ReadText };

/** JSON is tried first where it was asked for or looks like it: YAML of the library is stricter about tabs. */
function readJson(text: string, format: TextFormat | undefined): Json {
  if (format !== 'json' && (format !== undefined || !/^\s*[{[]/.test(text))) return { isJson: false };
  try {
    return { isJson: true, value: JSON.parse(text) };
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    return format === 'json' ? { isJson: false, fault: refused([jsonFault(text)]) } : { isJson: false };
  }
}

function jsonFault(text: string): Finding {
  const before = text.slice(0, jsonFaultOffset(text)).split('\n');
  const place: Place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  return { ...error('syntax', '', 'is not JSON from here on'), ...place };
}

// `silent` would hide that there are several documents. Unique members are checked by `readValue`: the library compares
// each with each.
const options = { prettyErrors: false, logLevel: 'error', uniqueKeys: false, version: '1.2', schema: 'core' } as const;

/** Members that come twice are not seen by JSON.parse, so the places are read as well. */
function readParsedJson(text: string, value: unknown): ReadText {
  const plain = plainFindings(value);
  if (plain.length > 0) return refused(plain);
  const lines = new LineCounter();
  const document = parseDocument(text, { ...options, lineCounter: lines });
  const { findings, targets } = readValue(document, lines);
  const twice = findings.filter(({ code }) => code === 'duplicate_member');
  return twice.length > 0 ? refused(twice) : { ok: true, value, locate: locator(document, lines, targets, text) };
}

function readYaml(text: string): ReadText {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...options, lineCounter: lines });
  if (document.errors.length > 0) return refused(document.errors.slice(0, 20).map((fault) => yamlFault(fault, lines)));
  const version = directiveFault(document);
  if (version) return refused([version]);
  const { value, findings, targets } = readValue(document, lines);
  return findings.length > 0 ? refused(findings) : { ok: true, value, locate: locator(document, lines, targets, text) };
}

/** YAML 1.1 reads `no` as false and `08` as text: a policy must not depend on that. */
function directiveFault({ directives }: YamlDocument.Parsed): Finding | undefined {
  const asked = directives?.yaml;
  return asked?.explicit && asked.version !== '1.2' ? error('syntax', '', 'must be YAML 1.2') : undefined;
}

function yamlFault({ code, message, pos }: YAMLParseError, lines: LineCounter): Finding {
  // A stack that ended is told like a fault of the text.
  if (message.includes('call stack')) return tooDeep;
  const { line, col } = lines.linePos(pos[0]);
  const reason = code === 'MULTIPLE_DOCS' ? 'holds several documents' : (message.split('\n')[0]?.slice(0, 200) ?? code);
  return { ...error('syntax', '', reason), line: Math.max(line, 1), column: Math.max(col, 1) };
}
