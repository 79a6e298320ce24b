import { safeParse } from '@gatehouse/schema';
import type { z } from 'zod';
import { ConfigError, type ConfigProblem } from './errors.js';
import { fieldFacts } from './field-facts.js';
import { type Environment, readVariable } from './variable.js';

/**
 * Reads a typed configuration from the environment. The schema's keys are the variables' names; for any `X`,
 * `X_FILE` may name a file that holds the value instead.
 *
 * An empty variable counts as absent when the field is optional or has a default, and is a problem when the field is
 * required or a secret: `ADMIN_KEY=` must never mean "no key needed".
 *
 * @param schema a zod object, best made of `setting.*` fields
 * @param env the environment, `process.env` unless given
 * @throws ConfigError with all problems at once; texts name variables, never values
 * @example
 * const config = loadConfig(z.object({ PORT: setting.port('Where the API listens').default(8080) }));
 * config.PORT; // number
 */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Environment = process.env): z.output<S> {
  const problems: ConfigProblem[] = [];
  const texts: Record<string, string> = {};
  for (const [name, field] of Object.entries(schema.shape)) {
    const text = readField(env, name, field as z.ZodType, problems);
    if (text !== undefined) texts[name] = text;
  }
  const parsed = safeParse(schema, texts);
  if (!parsed.success) problems.push(...zodProblems(parsed.error, texts, problems));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

function readField(env: Environment, name: string, field: z.ZodType, problems: ConfigProblem[]): string | undefined {
  const variable = readVariable(env, name);
  if ('problem' in variable) {
    problems.push(variable);
    return undefined;
  }
  if (variable.value !== '') return variable.value;
  const facts = fieldFacts(field);
  if (facts.required || facts.secret) problems.push({ variable: name, problem: 'is empty' });
  return undefined;
}

/** A variable that has a problem already is not reported a second time as missing. */
function zodProblems(error: z.ZodError, texts: Record<string, string>, known: ConfigProblem[]): ConfigProblem[] {
  const reported = new Set(known.map(({ variable }) => variable.replace(/_FILE$/, '')));
  return error.issues
    .map((issue) => {
      const variable = String(issue.path[0] ?? '(all)');
      const text = texts[variable];
      if (text === undefined && issue.path.length > 0) return { variable, problem: 'is required' };
      return { variable, problem: withoutValue(issue.message, text) };
    })
    .filter(({ variable }) => !reported.has(variable));
}

/** A schema's own message may quote its input; the value of a variable never reaches a log that way. */
function withoutValue(message: string, text: string | undefined): string {
  return text !== undefined && text.length > 3 && message.includes(text) ? 'is not valid' : message;
}
