import type { LoginMethod } from '@gatehouse/contracts';
import { type FieldError, ProblemError } from '@gatehouse/http';
import { safeParse } from '@gatehouse/schema';
import { z } from 'zod';
import { type Asker, contextOf } from '../asker.js';
import type { LoginRoles } from './login-roles.service.js';
import { roleSettings } from './role-settings.js';

/** `GET ...?list=true`, as clients without the verb LIST send it. */
export const listedSchema = z.object({ list: z.string().max(8).optional() });

/** Names of settings in the dialect's older spelling. */
const aliases: Readonly<Record<string, string>> = {
  policies: 'token_policies',
  bound_cidr_list: 'token_bound_cidrs',
  ttl: 'token_ttl',
  max_ttl: 'token_max_ttl',
  num_uses: 'token_num_uses',
  period: 'token_period',
};

/**
 * Makes a role or changes one: what is not sent stays as it is.
 *
 * @throws ProblemError `validation_failed` with each setting that is wrong or unknown
 */
export async function writeRole(
  roles: LoginRoles,
  method: LoginMethod,
  name: string,
  body: Readonly<Record<string, unknown>>,
  asker: Asker,
): Promise<void> {
  const { tenantId } = asker.caller;
  const before = await roles.find(tenantId, method, name);
  const sent = Object.fromEntries(Object.entries(body).map(([key, value]) => [aliases[key] ?? key, value]));
  const settings = checked(roleSettings[method], { ...before?.settings, ...sent });
  const role = { tenantId, method, name, settings };
  await roles.write(role, contextOf(asker));
}

/** What a schema makes of a body. @throws ProblemError `validation_failed` */
export function checked<S extends z.ZodType>(
  schema: S,
  body: unknown,
): z.output<S> & Readonly<Record<string, unknown>> {
  const result = safeParse(schema, body);
  if (result.success) return result.data as never;
  const errors = result.error.issues.map(
    (issue): FieldError => ({
      path: ['body', ...issue.path].map(String).join('.').slice(0, 128),
      message: messageOf(issue),
    }),
  );
  throw new ProblemError('validation_failed', undefined, { errors });
}

const messageOf = (issue: z.core.$ZodIssue): string =>
  issue.code === 'unrecognized_keys' ? `${issue.keys.join(', ').slice(0, 128)}: not known here` : issue.message;
