type Awaited = 'value' | 'item' | 'member' | 'name' | 'colon' | 'comma' | 'end';

const token =
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy;

/** Where a text stops being JSON: the engine says so only for some faults. For text that `JSON.parse` refused. */
export function jsonFaultOffset(text: string): number {
  const open: ('{' | '[')[] = [];
  let awaited: Awaited = 'value';
  const afterValue = (): Awaited => (open.length > 0 ? 'comma' : 'end');
  token.lastIndex = 0;
  for (let at = 0; ; at = token.lastIndex) {
    const [whole, sign, name] = token.exec(text) ?? [];
    const offset =
      whole === undefined
        ? at + (/^[ \t\n\r]*/.exec(text.slice(at, at + 65_536))?.[0].length ?? 0)
        : token.lastIndex - whole.trimStart().length;
    if (whole === undefined) return offset;
    const next = follow(awaited, sign, name !== undefined, open);
    if (next === undefined) return offset;
    awaited = next === 'value ended' ? afterValue() : next;
  }
}

function follow(
  awaited: Awaited,
  sign: string | undefined,
  isText: boolean,
  open: ('{' | '[')[],
): Awaited | 'value ended' | undefined {
  const inside = open.at(-1);
  switch (awaited) {
    case 'member':
    case 'name':
      if (isText) return 'colon';
      return awaited === 'member' && sign === '}' ? closed(open) : undefined;
    case 'colon':
      return sign === ':' ? 'value' : undefined;
    case 'comma':
      if (sign === ',') return inside === '{' ? 'name' : 'value';
      return (inside === '{' && sign === '}') || (inside === '[' && sign === ']') ? closed(open) : undefined;
    case 'end':
      return undefined;
    default:
      if (awaited === 'item' && sign === ']') return closed(open);
      if (sign === '{' || sign === '[') {
        open.push(sign);
        return sign === '{' ? 'member' : 'item';
      }
      return sign === undefined ? 'value ended' : undefined;
  }
}

function closed(open: string[]): 'value ended' {
  open.pop();
  return 'value ended';
}
