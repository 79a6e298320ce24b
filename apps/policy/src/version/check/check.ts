import type { Pepper } from '@gatehouse/crypto';
import { type FieldError, policyErrors } from '@gatehouse/evaluator';
import { parsePolicyText, parsePolicyValue, runPolicyTests } from '@gatehouse/policy-document';
import { safeParse } from '@gatehouse/schema';
import { recordedText } from '@gatehouse/telemetry';
import { compileText, VersionUnusable } from '../compiled-versions.js';
import { recordableVersion } from '../recordable-version.js';
import { contentOf, digestOfText, textOf, type VersionContent } from '../version-text.js';

/** What is wrong with a policy, or worth knowing. */
export interface Remark {
  readonly code: string;
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

/** A policy as it was given; `tests`: those of the version it comes from. */
export interface GivenPolicy {
  readonly text?: string | undefined;
  readonly format?: 'yaml' | 'json' | undefined;
  readonly value?: unknown;
  readonly title?: string | undefined;
  readonly tests?: VersionContent['tests'];
}

export type Prepared =
  | { readonly ok: false; readonly errors: readonly Remark[] }
  | {
      readonly ok: true;
      readonly text: string;
      readonly digest: string;
      readonly bytes: number;
      readonly title: string;
      readonly replaced: number;
      /** Names of the custom roles. */
      readonly roles: readonly string[];
      readonly warnings: readonly Remark[];
    };

export type Tried =
  | { readonly ok: false; readonly errors: readonly Remark[] }
  | { readonly ok: true; readonly results: ReturnType<typeof runPolicyTests> };

const titleSchema = recordedText(200);
const titleError: Remark = {
  code: 'text_not_recordable',
  path: 'title',
  message: 'is too long, or holds what must not be recorded',
};
const withCode = ({ path, message }: FieldError): Remark => ({ code: 'rule_invalid', path, message });

/** Makes what somebody wrote the text of a version, or says all that is wrong with it. */
export function prepare(given: GivenPolicy, pepper: Pepper): Prepared {
  const { text, format, value } = given;
  const parsed = text === undefined ? parsePolicyValue(value) : parsePolicyText(text, { ...(format && { format }) });
  const { document, actions, warnings } = parsed;
  if (!document) return { ok: false, errors: parsed.errors };
  const title = given.title ?? parsed.title ?? '';
  const kept = recordableVersion(pepper, { document, actions, tests: given.tests ?? parsed.tests });
  const { content, replaced } = kept;
  const wrongTitle = title === '' || safeParse(titleSchema, title).success ? [] : [titleError];
  const errors = [...kept.errors, ...wrongTitle, ...policyErrors(content.document).map(withCode)];
  if (errors.length > 0) return { ok: false, errors: errors.slice(0, maxRemarks) };
  const made = textOf(content);
  const roles = (content.document.roles ?? []).map(({ name }) => name);
  const bytes = Buffer.byteLength(made);
  return { ok: true, text: made, digest: digestOfText(made), bytes, title, replaced, roles, warnings };
}

const maxRemarks = 200;

/** Runs the test cases of a version, or others. Names in them are compared with those of the version, in their recordable form. */
export function tryOut(text: string, given: readonly unknown[] | undefined, pepper: Pepper): Tried {
  const { document, tests } = contentOf(text);
  if (given === undefined) return { ok: true, results: runPolicyTests(document, tests) };
  const parsed = parsePolicyValue({ tests: given });
  if (parsed.errors.length > 0) return { ok: false, errors: parsed.errors };
  const { content } = recordableVersion(pepper, { document: {}, actions: [], tests: parsed.tests });
  return { ok: true, results: runPolicyTests(document, content.tests) };
}

/** Whether a version can be compiled by what is known today, and the answers to its tests if these are wanted. */
export function assess(digest: string, text: string, isTested: boolean): Tried {
  try {
    compileText(digest, text);
  } catch (error) {
    if (!(error instanceof VersionUnusable)) throw error;
    return { ok: false, errors: [{ code: 'unusable', path: '', message: error.message }] };
  }
  const { document, tests } = contentOf(text);
  return { ok: true, results: isTested ? runPolicyTests(document, tests) : [] };
}

/** What can be asked of the thread. */
export const jobs = { prepare, tryOut, assess } as const;
export type Jobs = typeof jobs;
