/** What can be wrong with a policy; stable, callers switch on it. */
export type FindingCode =
  // The text.
  | 'too_large'
  | 'syntax'
  | 'duplicate_member'
  | 'too_deep'
  | 'alias_refused'
  | 'tag_refused'
  | 'number_refused'
  | 'text_refused'
  // Its shape.
  | 'member_unknown'
  | 'member_missing'
  | 'value_wrong'
  | 'too_many'
  | 'mixed_dialects'
  | 'other_meaning'
  | 'rule_invalid'
  // Its sense.
  | 'action_unknown'
  | 'role_unknown'
  | 'rule_shadowed'
  | 'rule_repeated'
  | 'contradiction'
  | 'permits_everything'
  | 'never_permits'
  | 'address_wildcard'
  | 'obligation_unknown'
  | 'cedar_may_skip'
  | 'other_form'
  | 'more';

export interface Finding {
  readonly code: FindingCode;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** Dotted, `rules.3.when`; empty for the whole. */
  readonly path: string;
  /** From 1; absent if the policy did not come as text. */
  readonly line?: number;
  readonly column?: number;
}

/** A finding before its place is known; `within` is a place inside of the text that stands at `path`. */
export interface Unplaced extends Finding {
  readonly within?: Place;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where a path stands in the text: its value, the name it has, or a place inside of a value that is text. */
export type Locate = (path: string, part?: 'name' | Place) => Place | undefined;

export const error = (code: FindingCode, path: string, message: string): Finding => ({
  code,
  severity: 'error',
  message,
  path,
});

export const warning = (code: FindingCode, path: string, message: string): Finding => ({
  code,
  severity: 'warning',
  message,
  path,
});

/** The finding with its place; one that has a place keeps it. */
export function placed({ within, ...finding }: Unplaced, locate: Locate): Finding {
  if (finding.line !== undefined) return finding;
  const inside = within && locate(finding.path, within);
  if (inside) return { ...finding, ...inside };
  const message = within ? `at ${within.line}:${within.column} of it: ${finding.message}` : finding.message;
  return { ...finding, message, ...locate(finding.path, finding.code === 'member_unknown' ? 'name' : undefined) };
}

/** In the order of the text, then of the path. */
export const inOrder = (findings: readonly Finding[]): Finding[] =>
  [...findings].sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) || (a.path < b.path ? -1 : 1),
  );

/** At most `limit` of them; a last one says how many are left out. */
export function bounded(findings: readonly Finding[], limit: number): readonly Finding[] {
  const [first] = findings;
  if (findings.length <= limit || first === undefined) return findings;
  const left = findings.length - limit;
  return [
    ...findings.slice(0, limit),
    { code: 'more', severity: first.severity, message: `and ${left} more`, path: '' },
  ];
}
