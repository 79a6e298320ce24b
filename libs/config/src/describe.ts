import type { z } from 'zod';
import { fieldFacts } from './field-facts.js';

/** One variable of a service, for its documents. */
export interface ConfigRow {
  readonly variable: string;
  readonly meaning: string;
  readonly accepts: string;
  readonly required: boolean;
  readonly secret: boolean;
  /** The default as text; empty when there is none. Defaults are code, not secrets. */
  readonly defaultText: string;
}

/**
 * Describes every variable a schema reads, in the schema's order.
 *
 * @example describeConfig(schema)[0] // { variable: 'PORT', meaning: 'Where the API listens', defaultText: '8080', … }
 */
export function describeConfig(schema: z.ZodObject): ConfigRow[] {
  return Object.entries(schema.shape).map(([variable, field]) => {
    const { defaultValue, ...facts } = fieldFacts(field as z.ZodType);
    return { variable, ...facts, defaultText: defaultText(defaultValue) };
  });
}

/**
 * The same as a Markdown table: variable, meaning, accepted values, default.
 *
 * @example configTable(describeConfig(schema)) // '| variable | meaning | accepts | default |\n| --- …'
 */
export function configTable(rows: readonly ConfigRow[]): string {
  const lines = rows.map((row) => {
    const name = row.secret ? `\`${row.variable}\` (secret, or \`${row.variable}_FILE\`)` : `\`${row.variable}\``;
    const fallback = row.required ? 'required' : row.defaultText;
    return `| ${[name, row.meaning, row.accepts, fallback].map(cell).join(' | ')} |`;
  });
  return ['| variable | meaning | accepts | default |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
}

function defaultText(value: unknown): string {
  if (value === undefined) return '';
  return Array.isArray(value) ? value.join(',') : String(value);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
