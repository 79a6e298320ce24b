import { ProblemError } from '@gatehouse/http';
import type { DialectAnswer } from '../dialect/answer.js';

interface Sent<T> {
  readonly batch_input?: readonly (T & { readonly reference?: string | undefined })[] | undefined;
  readonly partial_failure_response_code?: number | undefined;
}

export const itemsIn = ({ batch_input: items }: Sent<unknown>): number => items?.length ?? 1;

/**
 * Does the one thing of a request, or each of `batch_input` in turn: what fails there is told beside the others, with 400
 * for the whole unless the caller asked for another status and something succeeded.
 */
export async function oneOrBatch<T extends object>(
  body: T & Sent<T>,
  work: (item: T) => Promise<object>,
): Promise<DialectAnswer> {
  const { batch_input: items, partial_failure_response_code: partialStatus } = body;
  if (!items) return { data: await work(body) };
  const results: object[] = [];
  let failures = 0;
  for (const { reference, ...item } of items) {
    const named = reference === undefined ? {} : { reference };
    try {
      results.push({ ...(await work(item as unknown as T)), ...named });
    } catch (error) {
      failures++;
      results.push({ error: textOf(error), ...named });
    }
  }
  const isPartial = failures > 0 && failures < items.length;
  const status = failures === 0 ? 200 : ((isPartial ? partialStatus : undefined) ?? 400);
  return { status, data: { batch_results: results } };
}

/** What is the caller's to mend; anything else fails the whole request. */
function textOf(error: unknown): string {
  if (error instanceof ProblemError && error.code === 'validation_failed') return error.message;
  throw error;
}

/** A member that a single request needs, and every item of a batch. @throws ProblemError */
export function needed<T>(value: T | undefined, member: string): T {
  if (value === undefined) throw new ProblemError('validation_failed', `missing ${member}`);
  return value;
}
