/** Shorter values are words such as `true` and `5432`: finding them again says nothing. In UTF-8 bytes. */
export const minFoundBytes = 5;
/** Members of one secret that are found again, at most. */
export const maxTexts = 256;

const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The texts of a secret's data by which a leaked string is recognised: every text in it, however deep, without the blanks
 * around it; numbers as they are written; and what `value_base64` stands for. Each once, in the order in which they stand.
 *
 * @example valueTexts({ user: 'app', password: ' hunter22\n' }).map(String) // ['hunter22']
 */
export function valueTexts(data: unknown): readonly Buffer[] {
  const found = new Map<string, Buffer>();
  const add = (bytes: Buffer) => {
    if (bytes.byteLength >= minFoundBytes && found.size < maxTexts) found.set(bytes.toString('latin1'), bytes);
  };
  visit(data, (text, name) => {
    add(foundAs(text));
    if (name === 'value_base64' && isBase64.test(text)) add(foundAs(Buffer.from(text, 'base64')));
  });
  return [...found.values()];
}

function visit(value: unknown, each: (text: string, name: string | undefined) => void, name?: string): void {
  if (typeof value === 'string') each(value, name);
  else if (typeof value === 'number') each(String(value), name);
  else if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value)) visit(member, each, key);
}

const blank = new Set([0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20]);

/** What a string is looked up as: its bytes without the blanks around them, which copying adds and loses. */
export function foundAs(text: string | Buffer): Buffer {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'utf8') : text;
  let [from, to] = [0, bytes.byteLength];
  while (from < to && blank.has(bytes[from] as number)) from++;
  while (to > from && blank.has(bytes[to - 1] as number)) to--;
  return bytes.subarray(from, to);
}

const unquoted = (text: string): string | undefined => /^(["'])(.*)\1$/s.exec(text)?.[2];
const assignment = /^(?:export\s+)?[A-Za-z_][A-Za-z0-9_.-]*\s*[=:]\s*(.+)$/s;

/** A leaked string as it came, and as what it may have been before somebody assigned, quoted or encoded it. */
export function guessesOf(leaked: string): readonly Buffer[] {
  const asItIs = foundAs(leaked);
  const text = asItIs.toString('utf8');
  const assigned = assignment.exec(text)?.[1];
  const texts = [unquoted(text), assigned, assigned && unquoted(assigned)];
  const decoded = isBase64.test(text) && text.length >= 8 ? [Buffer.from(text, 'base64')] : [];
  const all = [asItIs, ...texts.flatMap((guess) => (guess ? [foundAs(guess)] : [])), ...decoded.map(foundAs)];
  return all.filter(({ byteLength }) => byteLength >= minFoundBytes);
}
