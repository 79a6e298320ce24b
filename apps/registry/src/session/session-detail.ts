import { createHash } from 'node:crypto';
import { canonicalJson, type Pepper } from '@gatehouse/crypto';
import type { GrantScope } from '@gatehouse/session';
import { recordableText } from '@gatehouse/telemetry';

export type Command = string | readonly string[];

const maxDetail = 1_024;

/** By what a renewal is known to be for the same scope. */
export const scopeHash = (scope: GrantScope): string =>
  createHash('sha256').update(canonicalJson(scope), 'utf8').digest('hex');

/** What a session is for, as it may stand in the ledger for ever: the command, the paths, the targets. */
export function sessionDetail(pepper: Pepper, scope: GrantScope, command: Command | undefined): string | undefined {
  const text = textOf(scope, command);
  return text === undefined ? undefined : recordableWords(pepper, text);
}

/** Words that hold an address or a key are replaced one by one, and what would move a terminal's cursor is a blank. */
export function recordableWords(pepper: Pepper, text: string): string {
  const words = text.split(/([\s\p{Cc}\p{Cf}]+|[=,;'"])/u);
  const recorded = words.map((word) => recordableText(pepper, word)).join('');
  const shown = recorded.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
  return shown.length <= maxDetail ? shown : `${cut(shown, maxDetail - 2)} …`;
}

function textOf(scope: GrantScope, command: Command | undefined): string | undefined {
  switch (scope.kind) {
    case 'exec':
      return typeof command === 'string' ? command : command?.join(' ');
    case 'files':
      return scope.paths.join(' ');
    case 'forward':
      return scope.targets.join(' ');
    case 'recording':
      return scope.sessionId;
    default:
      return undefined;
  }
}

/** The beginning of a text, without half a character at its end. */
export const cut = (text: string, max: number): string => text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '');
