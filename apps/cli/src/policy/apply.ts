import { diffPolicies, type Finding, type PolicyChange } from '@gatehouse/policy-document';
import { defineCommand, type Tools } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import { tellOutcome } from './activations.js';
import { printChanges } from './changes.js';
import { type FullVersion, type Outcome, policyPath, readActive, shortDigest } from './policy-api.js';
import { type PolicyFile, readSoundPolicy } from './policy-file.js';
import { printResults, runTests } from './test-policy.js';

interface Drafted {
  readonly digest: string;
  readonly warnings: readonly Omit<Finding, 'severity'>[];
}

const fileOption = {
  file: { alias: 'f', type: 'string', demandOption: true, requiresArg: true, describe: 'YAML or JSON; - is stdin' },
} as const;

export const diffPolicy = defineCommand({
  command: 'diff',
  describe: 'Show what a policy file would change in the active version',
  options: (parser) =>
    parser
      .options(fileOption)
      .option('check', { type: 'boolean', default: false, describe: 'Exit with 1 if there is a difference' }),
  run: async ({ file, check }, tools) => {
    const { output } = tools;
    const policy = await readSoundPolicy(file, tools);
    const changes = await changesOf(policy, tools);
    if (output.isJson) output.json({ changes });
    else printChanges(changes, output);
    return check && changes.length > 0 ? exitCodes.negative : exitCodes.ok;
  },
});

/**
 * Compared here with what is active, for which a right to read is enough; a policy with addresses is drafted first, since what
 * is stored has pseudonyms in their place, which only the service can make.
 */
async function changesOf(policy: PolicyFile, tools: Tools): Promise<readonly PolicyChange[]> {
  const client = tools.client();
  const { document = {} } = policy.parsed;
  if (JSON.stringify(document).includes('@')) {
    tools.output.note('the policy names addresses, so it is drafted to be compared');
    return serverChanges((await draft(policy, tools)).digest, tools);
  }
  const { digest } = await readActive(client);
  const active = digest === null ? {} : (await client.get<FullVersion>(`${policyPath}/versions/${digest}`)).document;
  return diffPolicies(active, document);
}

async function serverChanges(digest: string, { client }: Tools): Promise<readonly PolicyChange[]> {
  const path = `${policyPath}/versions/${digest}/diff`;
  return (await client().get<{ changes: PolicyChange[] }>(path, { to: 'active' })).changes;
}

async function draft({ text, format }: PolicyFile, { client, output }: Tools): Promise<Drafted> {
  const drafted = await client().post<Drafted>(`${policyPath}/versions`, { text, ...(format && { format }) });
  // What the file's own check has told is not told again.
  for (const { code, path, message } of drafted.warnings)
    if (code.startsWith('granted_')) output.note(`warning: ${path} ${message} (${code})`);
  return drafted;
}

export const applyPolicy = defineCommand({
  command: 'apply',
  describe: 'Make a policy file the active version: check, draft, compare, activate',
  options: (parser) =>
    parser
      .options(fileOption)
      .option('reason', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'Why; it stands in the ledger',
      })
      .option('yes', { type: 'boolean', default: false, describe: 'Activate; without it, only show what would change' })
      .example('$0 policy apply -f policy.yaml --reason "release team" --yes', ''),
  run: async ({ file, reason, yes }, tools) => {
    const { output, client } = tools;
    const policy = await readSoundPolicy(file, tools);
    assertTestsPass(policy, tools);
    const { digest } = await draft(policy, tools);
    const { digest: active } = await readActive(client());
    if (digest === active) {
      if (output.isJson) output.json({ status: 'unchanged', digest });
      else output.line(`${digest} is active already: unchanged`);
      return exitCodes.ok;
    }
    const changes = await serverChanges(digest, tools);
    if (!output.isJson) printChanges(changes, output);
    if (!yes) {
      if (output.isJson) output.json({ status: 'drafted', digest, changes });
      output.note(`${digest} is drafted and not activated: --yes activates it`);
      return exitCodes.negative;
    }
    // Whoever activated something else in the meantime is not overruled unseen.
    const body = { reason, expectedActive: active };
    const outcome = await client().post<Outcome>(`${policyPath}/versions/${digest}/activate`, body);
    if (output.isJson) output.json({ ...outcome, digest, changes });
    else tellOutcome(outcome, `${shortDigest(digest)} is active`, output);
    return exitCodes.ok;
  },
});

function assertTestsPass(policy: PolicyFile, tools: Tools): void {
  const failed = runTests(policy).filter(({ passed }) => !passed);
  if (failed.length === 0) return;
  if (!tools.output.isJson) printResults(failed, tools);
  throw new Failure(exitCodes.negative, `${failed.length} test cases of ${policy.name} fail`, 'gatehouse policy test');
}
