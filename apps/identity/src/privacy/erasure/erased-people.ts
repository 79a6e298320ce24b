const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where a certificate, an event or a ledger entry names the person. */
const paths = [['userId'], ['data', 'userId'], ['envelope', 'data', 'userId'], ['event', 'data', 'userId']] as const;

/**
 * The people that a text says were erased: one JSON document a line, each a certificate, an event `user.erased` or
 * `erasure.completed`, or a ledger entry with one of them.
 *
 * @throws Error naming the first line that is none of these: a list that was misread must not pass for a short one
 */
export function readErasedPeople(text: string): readonly string[] {
  const people = new Set<string>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const id = personOf(line);
    if (id === undefined) throw new Error(`line ${i + 1} names nobody who was erased`);
    people.add(id);
  }
  return [...people];
}

function personOf(line: string): string | undefined {
  try {
    const document: unknown = JSON.parse(line);
    const named = paths.map((path) =>
      path.reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document),
    );
    return named.find((id): id is string => typeof id === 'string' && uuid.test(id));
  } catch {
    return undefined;
  }
}
