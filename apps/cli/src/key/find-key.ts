import { readLine } from '../account/login.js';
import { defineCommand, type Tools } from '../command.js';
import { type Entry, searchEntries } from '../entry/filters.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { RefusedError } from '../output/problem.js';
import { formatReference } from '../reference.js';
import { type Key, keyFacts, keysPath } from './keys.js';

interface Found {
  readonly key: Key;
  readonly text: { readonly state: 'current' | 'previous' | 'past'; readonly since: string; readonly until?: string };
  readonly uses: readonly {
    readonly service: string;
    readonly address?: string;
    readonly firstAt: string;
    readonly lastAt: string;
    readonly count: number;
  }[];
}

const keyPattern = /^ma[su]_[A-Za-z0-9_-]{54}$/;
const fingerprintPattern = /^([A-Za-z0-9+/]{43}=|[0-9A-Fa-f]{64})$/;
const maxEntries = 20;

/** The form decides; whatever it is, it is never an argument, where every process of the machine could read it. */
function questionOf(text: string): object {
  if (keyPattern.test(text)) return { key: text };
  if (fingerprintPattern.test(text)) return { fingerprint: text };
  throw usageFailure(
    'the standard input holds neither a key nor the fingerprint of one',
    'a fingerprint is 32 bytes in base64 or hexadecimal, as key.created in the ledger shows it',
  );
}

export const findLeakedKey = defineCommand({
  command: 'find',
  describe: 'Say which key a leaked text or a fingerprint is, and what happened with it; read from the standard input',
  options: (parser) => parser.example('$0 keys find < leaked.txt', ''),
  run: async (_flags, tools) => {
    const { output } = tools;
    const found = await ask(tools, questionOf(await readLine(tools.world.stdin)));
    const entries = await entriesSince(tools, found);
    if (output.isJson) output.json({ ...found, entries });
    else show(tools, found, entries);
    output.note(nextSteps(found));
    return undefined;
  },
});

async function ask(tools: Tools, question: object): Promise<Found> {
  try {
    return await tools.client().post<Found>(`${keysPath}/find`, question);
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404)
      throw new Failure(exitCodes.negative, 'no key of this tenant has or had this text');
    throw error;
  }
}

/** What the ledger says of its principal since the text is the key's. Who may find keys may not be allowed to read it. */
async function entriesSince(tools: Tools, { key, text }: Found): Promise<readonly Entry[]> {
  try {
    const filter = { actor: formatReference(key.principal), from: text.since };
    return await searchEntries(tools.client(), { ...noFilter, ...filter }, maxEntries);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tools.output.note(`The ledger could not be read: ${error.message}`);
    return [];
  }
}

const noFilter = {
  action: undefined,
  type: undefined,
  decision: undefined,
  resource: undefined,
  to: undefined,
  id: undefined,
};

const stateWords = {
  current: 'the key works with it',
  previous: 'replaced, and still works for a while',
  past: 'replaced, and works no more',
} as const;

function show({ output }: Tools, { key, text, uses }: Found, entries: readonly Entry[]): void {
  output.facts([
    ...keyFacts(key, output),
    ['this text', stateWords[text.state]],
    ['since', output.time(text.since)],
    ['until', text.until && output.time(text.until)],
  ]);
  output.line('\nUsed from (the services tell it some seconds later):');
  output.table(
    ['SERVICE', 'ADDRESS', 'FIRST', 'LAST', 'CALLS'],
    uses.map((use) => [
      use.service,
      use.address ?? '',
      output.time(use.firstAt),
      output.time(use.lastAt),
      String(use.count),
    ]),
  );
  output.line(`\nIn the ledger about ${formatReference(key.principal)} since then, newest first:`);
  output.table(
    ['INDEX', 'TIME', 'WHAT'],
    entries.map(({ index, occurredAt, summary }) => [String(index), output.time(occurredAt), summary]),
  );
}

function nextSteps({ key, text }: Found): string {
  const { keyId, name } = key;
  const all = `gatehouse audit entries --actor ${formatReference(key.principal)} --from ${text.since} shows everything.`;
  if (!key.enabled || text.state === 'past') return `${name} does not work with this text any more. ${all}`;
  return `Stop it everywhere:      gatehouse keys disable ${keyId} --reason leaked
Or replace it at once:   gatehouse keys rotate ${keyId} --overlap 0
${all}`;
}
