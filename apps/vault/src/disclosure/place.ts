/** Where a page ended: the next one begins with what happened before. */
export interface Place {
  readonly occurredAt: Date;
  readonly decisionId: string;
}

const placePattern = /^(\d{1,15})\.([0-9a-f-]{36})$/;

export const formatPlace = ({ occurredAt, decisionId }: Place): string => `${occurredAt.getTime()}.${decisionId}`;

/** Reverse of {@link formatPlace}; undefined for what is none. */
export function parsePlace(text: string): Place | undefined {
  const [, time, decisionId] = placePattern.exec(text) ?? [];
  return time && decisionId ? { occurredAt: new Date(Number(time)), decisionId } : undefined;
}
