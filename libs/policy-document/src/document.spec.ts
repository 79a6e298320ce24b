import { compile } from '@gatehouse/evaluator';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { diffPolicies } from './diff.js';
import { canonicalText, digestOf } from './digest.js';
import { writtenDocument } from './document.fixture.js';
import { parsePolicyText, parsePolicyValue } from './parse.js';
import { policyJsonSchema } from './schema/file.js';

/** The same data with the members of every object the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, turned(member)]),
  );
}

/** A document of what was written; undefined if a generated condition contradicts itself. */
const parsed = (written: unknown) => parsePolicyValue(written).document;

describe('a document', () => {
  it('is the same from its own text, as JSON and as YAML', () => {
    let seen = 0;
    fc.assert(
      fc.property(writtenDocument, (written) => {
        const document = parsed(written);
        if (!document) return;
        seen += 1;
        expect(parsePolicyText(canonicalText(document)).document).toEqual(document);
        expect(parsePolicyText(stringify(document), { format: 'yaml' }).document).toEqual(document);
        expect(parsePolicyText(stringify(written)).document).toEqual(document);
      }),
      { numRuns: 150 },
    );
    expect(seen).toBeGreaterThan(75);
  });

  it('has one digest whatever the order of its members, and another if anything changes', () => {
    fc.assert(
      fc.property(writtenDocument, fc.string({ minLength: 1, maxLength: 5 }), (written, words) => {
        const document = parsed(written);
        const again = parsed(turned(written));
        if (!document || !again) return;
        expect(digestOf(again)).toBe(digestOf(document));
        expect(diffPolicies(document, again)).toEqual([]);
        const [first, ...rest] = document.rules ?? [];
        if (!first) return;
        const changed = { ...document, rules: [{ ...first, description: `${first.description}${words}` }, ...rest] };
        expect(digestOf(changed)).not.toBe(digestOf(document));
        expect(diffPolicies(document, changed)).toMatchObject([{ kind: 'rule', name: first.id, change: 'changed' }]);
      }),
      { numRuns: 150 },
    );
  });

  it('compiles if nothing is wrong with it', () => {
    fc.assert(
      fc.property(writtenDocument, (written) => {
        const document = parsed(written);
        if (document) compile({ digest: digestOf(document), document });
      }),
      { numRuns: 150 },
    );
  });
});

describe('the schema for editors', () => {
  it('is of 2020-12 and describes what the parser takes', () => {
    expect(policyJsonSchema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      additionalProperties: false,
    });
    const properties = policyJsonSchema.properties as Record<string, unknown>;
    expect(Object.keys(properties).sort()).toEqual([
      '$schema',
      'actions',
      'record',
      'roles',
      'rules',
      'tests',
      'title',
    ]);
    const text = JSON.stringify(policyJsonSchema);
    for (const word of ['allowed_users', 'requests_per_period', 'cidr', '"const":"cedar"', 'Roles held on a scope'])
      expect(text).toContain(word);
    expect(text.length).toBeLessThan(60_000);
  });
});
