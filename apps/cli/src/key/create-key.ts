import { randomUUID } from 'node:crypto';
import { defineCommand, type Tools } from '../command.js';
import { usageFailure } from '../failure.js';
import { RefusedError } from '../output/problem.js';
import { formatFacts } from '../output/table.js';
import { parseDuration, parseInstant } from '../output/time.js';
import { formatReference, pause } from '../reference.js';
import { type Key, keyFacts, keysPath } from './keys.js';

/** @example expiryOf('90d', Date.parse('2026-11-22T00:00:00Z')) // '2027-02-20T00:00:00.000Z' */
export function expiryOf(text: string, nowMs: number): string {
  const durationMs = parseDuration(text);
  const instant = durationMs === undefined ? parseInstant(text) : new Date(nowMs + durationMs).toISOString();
  if (instant !== undefined) return instant;
  throw usageFailure(`--expires "${text}" is neither a duration (90d, 12h) nor a time (2027-01-31T00:00:00Z)`);
}

const texts = (values: readonly string[] | undefined): string[] => (values ?? []).map(String);

export const createKey = defineCommand({
  command: 'create <name>',
  describe: 'Make a key; it is shown once',
  options: (parser) =>
    parser
      .positional('name', { type: 'string', demandOption: true, describe: 'Lower-case letters, digits, hyphens' })
      .option('role', { type: 'string', array: true, nargs: 1, describe: 'Role on the whole tenant (repeatable)' })
      .option('expires', { type: 'string', requiresArg: true, describe: '90d, 12h or 2027-01-31T00:00:00Z' })
      .option('network', { type: 'string', array: true, nargs: 1, describe: 'Allowed network, CIDR (repeatable)' })
      .option('scope', {
        type: 'string',
        array: true,
        nargs: 1,
        describe: 'Action pattern the key is limited to (repeatable)',
      })
      .option('family', {
        choices: ['mas', 'mau'] as const,
        default: 'mas' as const,
        describe: 'mas: a service; mau: acts as you',
      })
      .option('idempotency-key', {
        type: 'string',
        requiresArg: true,
        describe: 'The same again makes no second key: for a script that repeats a call',
      })
      .example('$0 keys create ci --role developer --expires 90d', ''),
  run: async ({ name, role, expires, network, scope, family, 'idempotency-key': given }, tools) => {
    const { output } = tools;
    const client = tools.client();
    const body = {
      name,
      family,
      roles: texts(role),
      ...(expires !== undefined && { expiresAt: expiryOf(expires, Date.now()) }),
      ...(network !== undefined && { networks: texts(network) }),
      ...(scope !== undefined && { scopes: texts(scope) }),
    };
    const headers = { 'idempotency-key': given ?? randomUUID() };
    const made = await client.post<Key & { key: string }>(keysPath, body, headers);
    // First of all: whatever fails from here on, the key must not be lost.
    if (output.isJson) output.json(made);
    else output.line(made.key);
    output.note(`${formatFacts(keyFacts(made, output))}This is the only time the key is shown: keep it now.`);
    await waitForRoles(tools, made);
    return undefined;
  },
});

const attempts = 20;
const attemptEveryMs = 150;

/** Policy hears of a key a moment after identity made it; a decision asked before that would be a deny. */
async function waitForRoles(tools: Tools, { principal, roles }: Key): Promise<void> {
  const query = { subject_type: principal.type, subject_id: principal.id, active: 'true' };
  try {
    for (let attempt = 0; attempt < attempts && roles.length > 0; attempt++) {
      const { grants } = await tools.client().get<{ grants: { role: string }[] }>('/api/v1/policy/grants', query);
      if (roles.every((role) => grants.some((grant) => grant.role === role))) return;
      await pause(attemptEveryMs);
    }
  } catch (error) {
    // Who may make keys may not be allowed to list grants: then there is nothing to wait by.
    if (error instanceof RefusedError) return;
    throw error;
  }
  if (roles.length > 0) tools.output.note(`The roles of ${formatReference(principal)} take effect in a moment.`);
}
