import { usageFailure } from '../failure.js';

const namePattern = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/;

export interface LabelChange {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/** `site=berlin` sets a label, `site-` removes it. @throws Failure for any other text, or the same name twice */
export function parseLabelChange(words: readonly string[]): LabelChange {
  const set: Record<string, string> = {};
  const remove: string[] = [];
  const seen = new Set<string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.replace(/-$/, '') : word.slice(0, equals);
    if (!namePattern.test(name) || (equals < 0 && !word.endsWith('-')))
      throw usageFailure(`"${word}" is neither NAME=VALUE, which sets a label, nor NAME-, which removes one`);
    if (seen.has(name)) throw usageFailure(`the label ${name} is given twice`);
    seen.add(name);
    if (equals < 0) remove.push(name);
    else set[name] = word.slice(equals + 1);
  }
  return { set, remove };
}

/** `site=berlin,env=prod`: all of them. @throws Failure for any other text */
export function parseSelector(text: string): Record<string, string> {
  const { set, remove } = parseLabelChange(text.split(','));
  if (remove.length > 0) throw usageFailure(`--selector "${text}" is not NAME=VALUE, or several with commas`);
  return { ...set };
}

export function changedLabels(
  labels: Readonly<Record<string, string>>,
  { set, remove }: LabelChange,
): Record<string, string> {
  const kept = Object.entries(labels).filter(([name]) => !remove.includes(name));
  return { ...Object.fromEntries(kept), ...set };
}
