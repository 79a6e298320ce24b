import { parse } from 'dotenv';
import { eachPathOnce, type ImportEntry, wrongFile } from './entry.js';

/**
 * The variables of a `.env` file, each a secret of one value. Quotes, comments, `export` and values of several lines are those
 * of the dotenv library. What it would skip without a word, or take twice, is refused.
 *
 * @throws Failure that names lines and variables
 */
export function readDotenv(text: string): readonly ImportEntry[] {
  const values = parse(text);
  const names = assignmentsIn(text);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw wrongFile(`${repeated} is in the file more than once`);
  const unread = names.find((name) => !Object.hasOwn(values, name));
  if (unread !== undefined) throw wrongFile(`${unread} has no value that can be read`);
  return eachPathOnce(Object.entries(values).map(([path, value]) => ({ path, data: { value } })));
}

const quoted = /^\s*(?:export\s+)?([\w.-]+)\s*[=:]\s*(["'`])/;

/** Names in the order of the file, with lines inside of a quoted value left out. @throws Failure for any other line */
function assignmentsIn(text: string): string[] {
  const names: string[] = [];
  let open: string | undefined;
  for (const [i, line] of text.split(/\r\n?|\n/).entries()) {
    if (open !== undefined) {
      if (closes(line, open)) open = undefined;
      continue;
    }
    if (/^\s*(#|$)/.test(line)) continue;
    const name = /^\s*(?:export\s+)?([\w.-]+)\s*(?:=|:\s)/.exec(line)?.[1];
    if (name === undefined) throw wrongFile(`line ${i + 1} is no NAME=value`);
    names.push(name);
    const start = quoted.exec(line);
    if (start && !closes(line.slice(start[0].length), start[2] as string)) open = start[2];
  }
  if (open !== undefined) throw wrongFile(`the value of ${names.at(-1)} has no end: a quotation mark is missing`);
  return names;
}

function closes(text: string, mark: string): boolean {
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) if (text[at - 1] !== '\\') return true;
  return false;
}
