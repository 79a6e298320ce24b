import type { PolicyChange } from '@gatehouse/policy-document';
import type { Output } from '../output/output.js';
import { printable } from '../output/table.js';

const signs: Readonly<Record<PolicyChange['change'], string>> = { added: '+', removed: '-', changed: '~' };

/** One line for each role or rule, and below it a line for each member before and after. */
export function printChanges(changes: readonly PolicyChange[], output: Output): void {
  if (changes.length === 0) output.line('no difference');
  for (const { kind, name, change, members } of changes) {
    output.line(
      coloured(change, printable(`${signs[change]} ${kind === 'record' ? kind : `${kind} ${name}`}`), output),
    );
    for (const { member, before, after } of members) {
      if (before !== undefined && change !== 'added')
        output.line(output.bad(printable(`    - ${member}: ${JSON.stringify(before)}`)));
      if (after !== undefined && change !== 'removed')
        output.line(output.good(printable(`    + ${member}: ${JSON.stringify(after)}`)));
    }
  }
}

function coloured(change: PolicyChange['change'], text: string, output: Output): string {
  if (change === 'changed') return text;
  return change === 'added' ? output.good(text) : output.bad(text);
}
