import { defineProblems, type ErrorForm, type ProblemError } from '@gatehouse/http';
import { z } from 'zod';

defineProblems({
  unsupported_operation: { status: 405, title: 'unsupported operation' },
});

/** Statuses that Vault's clients know; the others of our table become these. */
const statuses: Readonly<Record<number, number>> = { 401: 403, 408: 400, 409: 400, 414: 400, 431: 400 };

/** What clients compare texts with, and the statuses that Vault gives them. */
const words: Readonly<Record<string, { readonly status: number; readonly text: string }>> = {
  sealed: { status: 503, text: 'Vault is sealed' },
  check_and_set: { status: 400, text: 'check-and-set parameter did not match the current version' },
  // 404 would say that the tenant has no such secret, and who mirrors secrets would remove its copy.
  tenant_not_found: { status: 403, text: 'permission denied' },
  check_and_set_required: { status: 400, text: 'check-and-set parameter required for this call' },
};

/** Problems as Vault tells them: `{"errors": ["..."]}`, without any for what is not there. */
export const vaultErrors: ErrorForm = {
  schema: z.object({ errors: z.array(z.string()) }),
  answerOf: (problem) => ({
    status: words[problem.code]?.status ?? statuses[problem.status] ?? problem.status,
    body: { errors: textsOf(problem) },
  }),
};

/** Who is not let in is told one thing, whatever the reason: unknown, expired and not allowed look alike. */
function textsOf({ code, status, title, detail, options }: ProblemError): readonly string[] {
  if (status === 401 || status === 403) return ['permission denied'];
  // Clients take a text here for a failure, and its absence for "there is nothing".
  const known = words[code]?.text;
  if (status === 404 && known === undefined) return [];
  const fields = options.errors?.map(({ path, message }) => `${path}: ${message}`) ?? [];
  return fields.length > 0 ? fields : [known ?? detail ?? title];
}
