/** Bounds of a policy's text: what is larger is refused before it is looked at. */
export const documentLimits = {
  bytes: 1_048_576,
  /** Of objects and lists in the text; conditions alone may nest 16 deep, two levels each. */
  depth: 40,
  tokens: 300_000,
  /** Values of the whole text, and those among them that come from an alias of YAML. */
  values: 250_000,
  aliasedValues: 20_000,
  roles: 256,
  rules: 1_000,
  list: 1_000,
  tests: 1_000,
  /** Findings answered; the rest are counted. */
  findings: 200,
} as const;
