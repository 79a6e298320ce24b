import { defineCommand } from '../command.js';
import { exitCodes } from '../failure.js';
import type { Output } from '../output/output.js';
import { findVersion, type Outcome, policyPath, readActive, shortDigest } from './policy-api.js';

const reasonOption = {
  reason: { type: 'string', demandOption: true, requiresArg: true, describe: 'Why; it stands in the ledger' },
} as const;

/** Who has to do what, where the change waits for a second person. */
export function tellOutcome({ status, requestId }: Outcome, words: string, output: Output): void {
  if (status === 'awaiting_approval') {
    output.line(`waiting for approval: request ${requestId}`);
    output.note(`Somebody else who may activate policies: gatehouse policy approve ${requestId}`);
  } else output.line(words);
}

export const activateVersion = defineCommand({
  command: 'activate <digest>',
  describe: 'Activate a version; "builtin" is the built-in roles alone',
  options: (parser) =>
    parser
      .positional('digest', { type: 'string', demandOption: true, describe: 'sha256:..., its beginning, or builtin' })
      .options(reasonOption),
  run: async ({ digest, reason }, { client, output }) => {
    const version = digest === 'builtin' ? digest : await findVersion(client(), digest);
    const { digest: expectedActive } = await readActive(client());
    if (expectedActive === (version === 'builtin' ? null : version)) {
      if (output.isJson) output.json({ status: 'unchanged', digest: expectedActive });
      else output.line(`${shortDigest(expectedActive)} is active already: unchanged`);
      return exitCodes.ok;
    }
    const path = `${policyPath}/versions/${version}/activate`;
    const outcome = await client().post<Outcome>(path, { reason, expectedActive });
    if (output.isJson) output.json({ ...outcome, digest: version });
    else tellOutcome(outcome, `${version} is active`, output);
    return exitCodes.ok;
  },
});

export const rollBack = defineCommand({
  command: 'rollback',
  describe: 'Activate what was active before',
  options: (parser) => parser.options(reasonOption),
  run: async ({ reason }, { client, output }) => {
    const { digest: expectedActive } = await readActive(client());
    const outcome = await client().post<Outcome>(`${policyPath}/rollback`, { reason, expectedActive });
    const { digest } = await readActive(client());
    if (output.isJson) output.json({ ...outcome, digest });
    else tellOutcome(outcome, `${shortDigest(digest)} is active again`, output);
    return exitCodes.ok;
  },
});

export const approveRequest = defineCommand({
  command: 'approve <id>',
  describe: 'Agree to a change that somebody else asked for',
  options: (parser) => parser.positional('id', { type: 'string', demandOption: true, describe: 'Of the request' }),
  run: async ({ id }, { client, output }) => {
    const outcome = await client().post<Outcome>(`${policyPath}/activations/${encodeURIComponent(id)}/approve`);
    if (output.isJson) output.json(outcome);
    else tellOutcome(outcome, `request ${id} is approved and in force`, output);
    return exitCodes.ok;
  },
});

export const rejectRequest = defineCommand({
  command: 'reject <id>',
  describe: 'Refuse a change that was asked for, or take it back',
  options: (parser) =>
    parser.positional('id', { type: 'string', demandOption: true, describe: 'Of the request' }).options(reasonOption),
  run: async ({ id, reason }, { client, output }) => {
    const path = `${policyPath}/activations/${encodeURIComponent(id)}/reject`;
    const outcome = await client().post<Outcome>(path, { reason });
    if (output.isJson) output.json(outcome);
    else output.line(`request ${id} is rejected`);
    return exitCodes.ok;
  },
});

const modes = { strict: 'strict', 'audit-only': 'audit_only' } as const;

export const setMode = defineCommand({
  command: 'mode <mode>',
  describe: 'Enforce denials (strict), or record and allow them (audit-only)',
  options: (parser) =>
    parser
      .positional('mode', { choices: Object.keys(modes) as (keyof typeof modes)[], demandOption: true })
      .options(reasonOption)
      .option('four-eyes', { choices: ['yes', 'no'] as const, describe: 'Whether changes need a second person' }),
  run: async ({ mode, reason, 'four-eyes': fourEyes }, { client, output }) => {
    const before = await readActive(client());
    const body = { mode: modes[mode], fourEyes: fourEyes === undefined ? before.fourEyes : fourEyes === 'yes', reason };
    const outcome = await client().put<Outcome>(`${policyPath}/settings`, body);
    if (output.isJson) output.json(outcome);
    else
      tellOutcome(
        outcome,
        `the mode is ${mode}, changes ${body.fourEyes ? '' : 'do not '}need a second person`,
        output,
      );
    return exitCodes.ok;
  },
});
