import type { DetailedError, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { CedarRule, FieldError } from '../model.js';
import { ask } from './engine.js';
import { type Outline, outline, placeOf, textLimits, unusedWord, withoutLongs } from './text.js';

/** One policy as Cedar's own parser read it. */
export interface ParsedPolicy {
  /** Its `@id`, or `policyN`. */
  readonly name: string;
  readonly json: PolicyJson;
  /** Entities of this type in `json` are whole numbers. */
  readonly longType: string;
  /** `line:column` of its beginning. */
  readonly place: string;
}

export interface ParsedText {
  readonly policies: readonly ParsedPolicy[];
  readonly errors: readonly FieldError[];
}

/** Policies of one document, in all its rules. */
export const maxPolicies = 512;

/** Names stand in the evidence, after the id of the rule and a slash. */
const policyName = /^[^\p{C}\p{Zl}\p{Zp}/]{1,128}$/u;

const failed = (...errors: readonly FieldError[]): ParsedText => ({ policies: [], errors });
const at = (path: string, message: string): FieldError => ({ path, message });

/** The engine counts bytes of UTF-8. */
const offsetOf = (text: string, bytes: number): number => Buffer.from(text).subarray(0, bytes).toString().length;

function described(text: string, { message, help, sourceLocations = [] }: DetailedError): FieldError {
  const [where] = sourceLocations;
  const said = [message.replace(/^failed to parse polic(y|ies) from string: /, ''), where?.label, help];
  return at(placeOf(text, where ? offsetOf(text, where.start) : 0), said.filter(Boolean).join('; '));
}

/** Texts of the policies by their number: the engine gives them in the order of `policy0`, `policy1`, `policy10`, `policy2`. */
function byNumber(sorted: readonly string[]): string[] {
  const numbers = sorted.map((_, i) => i).sort((a, b) => (`${a}` < `${b}` ? -1 : 1));
  const texts: string[] = [];
  for (const [i, number] of numbers.entries()) texts[number] = sorted[i] as string;
  return texts;
}

function errorsOf(text: string, { policies }: Outline): readonly FieldError[] {
  if (policies.length > maxPolicies) return [at('1:1', `must have at most ${maxPolicies} policies`)];
  const answer = ask((cedar) => cedar.policySetTextToParts(text));
  if (!answer) return [at('1:1', 'is too complex to be read')];
  if (answer.type === 'failure') {
    return answer.errors.flatMap((error) => [error, ...(error.related ?? [])]).map((error) => described(text, error));
  }
  // Each policy is handed to the engine alone afterwards: it must be what the engine itself saw.
  const seen = byNumber(answer.policies);
  const same =
    seen.length === policies.length && policies.every(({ start, end }, i) => text.slice(start, end) === seen[i]);
  if (!same || answer.policy_templates.length > 0) return [at('1:1', 'is written in a way that is not supported')];
  return policies.length === 0 ? [at('1:1', 'must have a policy')] : [];
}

const sizeErrors = (text: string): readonly FieldError[] => {
  if (text.length > textLimits.chars) return [at('1:1', `must have at most ${textLimits.chars} characters`)];
  return /\p{Cs}/u.test(text) ? [at('1:1', 'must not hold half a surrogate pair')] : [];
};

function readPolicies(text: string, { policies, longs }: Outline): ParsedText {
  const longType = unusedWord(text);
  const read: ParsedPolicy[] = [];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [i, span] of policies.entries()) {
    const place = placeOf(text, span.start);
    const answer = ask((cedar) => cedar.policyToJson(withoutLongs(text, span, longs, longType)));
    if (answer?.type !== 'success') {
      errors.push(at(place, 'is too complex to be read'));
      continue;
    }
    const name = answer.json.annotations?.id ?? `policy${i}`;
    if (!policyName.test(name)) errors.push(at(place, '@id must be 1 to 128 printable characters without a slash'));
    else if (names.has(name)) errors.push(at(place, `the name ${JSON.stringify(name)} is that of another policy`));
    names.add(name);
    read.push({ name, json: answer.json, longType, place });
  }
  return { policies: read, errors };
}

/** The policies of one rule, or all that is wrong with its text. */
export function parseCedarText({ text }: Pick<CedarRule, 'text'>): ParsedText {
  const size = sizeErrors(text);
  if (size.length > 0) return failed(...size);
  const outlined = outline(text);
  if (outlined.faults.length > 0) return failed(...outlined.faults);
  const errors = errorsOf(text, outlined);
  return errors.length > 0 ? failed(...errors) : readPolicies(text, outlined);
}
