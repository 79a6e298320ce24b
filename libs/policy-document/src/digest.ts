import { createHash } from 'node:crypto';
import { canonicalJson } from '@gatehouse/crypto';
import type { PolicyDocument } from '@gatehouse/evaluator';

/** The one text of a document, whatever order its members came in (RFC 8785). */
export const canonicalText = (document: PolicyDocument): string => canonicalJson(document);

/** Names a version: `sha256:` and the digest of {@link canonicalText} in hexadecimal. */
export const digestOf = (document: PolicyDocument): string =>
  `sha256:${createHash('sha256').update(canonicalText(document)).digest('hex')}`;
