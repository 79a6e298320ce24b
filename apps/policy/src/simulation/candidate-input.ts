import type { Pepper } from '@gatehouse/crypto';
import { type CompiledPolicy, compile, policyErrors } from '@gatehouse/evaluator';
import { ProblemError } from '@gatehouse/http';
import { type ParsedPolicy, parsePolicyText, parsePolicyValue } from '@gatehouse/policy-document';
import { z } from 'zod';
import type { ActivePolicies } from '../version/active-policies.js';
import { VersionUnusable } from '../version/compiled-versions.js';
import { draftLimits } from '../version/draft-version/draft-version.js';
import { invalid } from '../version/draft-version/drafting.service.js';
import { recordableVersion } from '../version/recordable-version.js';
import { digestOfText, textOf } from '../version/version-text.js';

/** A policy to be tried; `active`: with each decision the version that was active then. */
export const candidateSchema = z.union([
  z.literal('active'),
  z.strictObject({ text: z.string().max(draftLimits.textBytes), format: z.enum(['yaml', 'json']).optional() }),
  z.strictObject({ document: z.unknown() }),
  z.strictObject({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) }),
]);
export type CandidateInput = z.output<typeof candidateSchema>;

export interface CandidateReader {
  readonly pepper: Pepper;
  readonly policies: ActivePolicies;
}

/**
 * Compiles what was sent in the form in which it would be stored: identifiers as they are recorded.
 *
 * @throws ProblemError `policy_invalid` with every error and its line, `policy_too_large`, `not_found`
 */
export async function readCandidate(
  { pepper, policies }: CandidateReader,
  tenantId: string,
  input: CandidateInput,
): Promise<CompiledPolicy | 'active'> {
  if (input === 'active') return input;
  if ('digest' in input) return storedVersion(policies, tenantId, input.digest);
  if ('document' in input) return compiled(pepper, parsePolicyValue(input.document));
  return compiled(pepper, parsePolicyText(input.text, { ...(input.format && { format: input.format }) }));
}

function compiled(pepper: Pepper, { document, actions, tests, errors: found }: ParsedPolicy): CompiledPolicy {
  if (!document) throw invalid(found);
  const { content, errors } = recordableVersion(pepper, { document, actions, tests });
  const wrong = [...errors, ...policyErrors(content.document)];
  if (wrong.length > 0) throw invalid(wrong);
  const text = textOf(content);
  if (Buffer.byteLength(text) > draftLimits.textBytes) throw new ProblemError('policy_too_large');
  return compile({ digest: digestOfText(text), document: content.document });
}

async function storedVersion(policies: ActivePolicies, tenantId: string, digest: string): Promise<CompiledPolicy> {
  try {
    return await policies.versionOf(tenantId, digest);
  } catch (error) {
    if (error instanceof VersionUnusable)
      throw new ProblemError('not_found', 'There is no such version', { cause: error });
    throw error;
  }
}
