import {
  findReferences,
  formatPlace,
  nearMissTexts,
  secretNameIn,
  secretNamePattern,
  TooDeepError,
} from '@gatehouse/sdk';
import { parseReference } from '../secret/path.js';

/** A reference as it was written: by name in the consumer's scope, or by URI, whose name is in lower case. */
export type WantedReference =
  | { readonly kind: 'name'; readonly text: string; readonly path: string }
  | {
      readonly kind: 'uri';
      readonly text: string;
      readonly tenantId: string;
      readonly scope: string;
      readonly name: string;
    };

export interface LintFinding {
  /** Place in the configuration, or in the list of references. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface Wanted {
  readonly references: readonly WantedReference[];
  readonly findings: readonly LintFinding[];
}

/** What a consumer says of itself: its configuration, of which nothing but the references is kept, or the references. */
export interface Said {
  readonly config?: unknown;
  readonly references?: readonly string[] | undefined;
}

/** The references, each once, and what was probably meant as one. */
export function wantedReferences(said: Said, scope: string): Wanted {
  const fromConfig = said.config === undefined ? { references: [], findings: [] } : inConfig(said.config, scope);
  const given = (said.references ?? []).map((text, i) => readGiven(text, `references.${i}`, scope));
  const all = [...fromConfig.references, ...given.flatMap((one) => ('kind' in one ? [one] : []))];
  const findings = [...fromConfig.findings, ...given.flatMap((one) => ('kind' in one ? [] : [one]))];
  return { references: [...new Map(all.map((one) => [one.text, one])).values()], findings };
}

function inConfig(config: unknown, scope: string): Wanted {
  try {
    const { references, nearMisses } = findReferences(config);
    return {
      references: references.map(({ name }) => byName(name, scope)),
      findings: nearMisses.map(({ kind, place }) => ({
        path: formatPlace(['config', ...place]),
        code: `reference_${kind}`,
        message: nearMissTexts[kind],
      })),
    };
  } catch (error) {
    if (!(error instanceof TooDeepError)) throw error;
    return { references: [], findings: [{ path: 'config', code: 'too_deep', message: error.message }] };
  }
}

const byName = (name: string, scope: string): WantedReference => ({
  kind: 'name',
  text: name,
  path: scope === '' ? name : `${scope}/${name}`,
});

function readGiven(text: string, path: string, scope: string): WantedReference | LintFinding {
  const name = secretNamePattern.test(text) ? text : secretNameIn(text);
  if (name !== undefined && secretNamePattern.test(name)) return byName(name, scope);
  const uri = parseReference(text);
  if (uri) return { kind: 'uri', text, ...uri };
  return {
    path,
    code: 'reference_name',
    message: 'is no name, no {{ secret.NAME }} and no secret://tenant/scope/name',
  };
}
