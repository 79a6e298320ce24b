import { type Position, parsePosition } from '@gatehouse/contracts';
import { type HttpRequest, ProblemError } from '@gatehouse/http';

export const positionHeader = 'gatehouse-position';

/** The position that a caller must not be answered from before, if it names one. @throws ProblemError 400 */
export function minimumPosition({ headers }: Pick<HttpRequest, 'headers'>): Position | undefined {
  const given = headers[positionHeader];
  if (given === undefined) return undefined;
  const position = typeof given === 'string' ? readPosition(given) : undefined;
  if (position) return position;
  const errors = [
    { path: `header.${positionHeader}`, message: 'must be a position, as an answer or an error named it' },
  ];
  throw new ProblemError('validation_failed', undefined, { errors });
}

/** Undefined for any other text. */
export function readPosition(text: string): Position | undefined {
  try {
    return parsePosition(text);
  } catch {
    return undefined;
  }
}
