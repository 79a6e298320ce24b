import yargs, { type Argv } from 'yargs';
import { login, logout } from './account/login.js';
import { listSessions, revokeSessions } from './account/sessions.js';
import { showConfig } from './account/show-config.js';
import { whoami } from './account/whoami.js';
import { acknowledgeAlert, listAlerts } from './alert/alerts.js';
import { channelCommands } from './alert/channels.js';
import { alertSettings } from './alert/settings.js';
import { audienceCommands } from './audience/audiences.js';
import { mintToken } from './audience/token.js';
import { clientCommands } from './client/clients.js';
import { type Command, commandGroup, type EndCode, type GlobalFlags, globalOptions, type Host } from './command.js';
import { decide } from './decision/decide.js';
import { blastRadius } from './disclosure/blast-radius.js';
import { findSecret } from './disclosure/find-secret.js';
import { listReaders } from './disclosure/readers.js';
import { rotateSecrets } from './disclosure/rotate-secrets.js';
import { checkConsistency } from './entry/check-consistency.js';
import { listEntries } from './entry/list-entries.js';
import { proveEntries } from './entry/prove-entries.js';
import { checkpoint, ledgerKey } from './entry/read-ledger.js';
import { verifyProof } from './entry/verify-proof.js';
import { type ExitCode, exitCodes, Failure, usageFailure } from './failure.js';
import { createGrant, listGrants, revokeGrant } from './grant/grants.js';
import { listRoles } from './grant/list-roles.js';
import { addProvider, removeProvider } from './identity-provider/change-providers.js';
import { listProviders, showProvider } from './identity-provider/read-providers.js';
import { createKey } from './key/create-key.js';
import { findLeakedKey } from './key/find-key.js';
import { generateKey } from './key/generate-key.js';
import { importKeys } from './key/import-keys.js';
import { listKeys } from './key/list-keys.js';
import { rotateKey } from './key/rotate-key.js';
import { showKey } from './key/show-key.js';
import { disableKey, enableKey } from './key/switch-key.js';
import { invite } from './organization/invite.js';
import { changeRole, leaveOrganization, listMembers, removeMember, transferOwnership } from './organization/members.js';
import {
  closeOrganization,
  createOrganization,
  listOrganizations,
  renameOrganization,
  showOrganization,
} from './organization/organizations.js';
import { printable } from './output/table.js';
import { activateVersion, approveRequest, rejectRequest, rollBack, setMode } from './policy/activations.js';
import { applyPolicy, diffPolicy } from './policy/apply.js';
import { explainDecision } from './policy/explain.js';
import { lintPolicies } from './policy/lint.js';
import { showMatrix } from './policy/matrix.js';
import { standardInput } from './policy/policy-file.js';
import { showSchema } from './policy/schema.js';
import { whatCan, whoCan } from './policy/search.js';
import { simulatePolicy } from './policy/simulate.js';
import { testPolicy } from './policy/test-policy.js';
import { tightenPolicy } from './policy/tighten.js';
import { showVersion, showVersions } from './policy/versions.js';
import { erasePerson } from './privacy/erase-person.js';
import { exportPerson } from './privacy/export-person.js';
import { retention } from './privacy/retention.js';
import { deleteSecret, destroySecret, undeleteSecret } from './secret/change-versions.js';
import { lintConfig } from './secret/lint-config.js';
import { secretMetadata } from './secret/metadata.js';
import { mountSecrets } from './secret/mount/mount.js';
import { getSecret, listSecrets, listVersions } from './secret/read-commands.js';
import { runWithSecrets } from './secret/run/run-program.js';
import { exportSecrets } from './secret/transfer/export-secrets.js';
import { importSecrets } from './secret/transfer/import-secrets.js';
import { patchSecret, putSecret } from './secret/write-commands.js';
import type { World } from './world.js';

const commands: readonly Command[] = [
  commandGroup('keys', 'API keys', [
    createKey,
    listKeys,
    showKey,
    rotateKey,
    disableKey,
    enableKey,
    findLeakedKey,
    importKeys,
    generateKey,
  ]),
  decide,
  commandGroup('audit', 'The ledger and its proofs', [
    listEntries,
    proveEntries,
    verifyProof,
    checkConsistency,
    ledgerKey,
    checkpoint,
  ]),
  commandGroup('org', 'Organizations and their members', [
    ...[listOrganizations, createOrganization, showOrganization, renameOrganization, closeOrganization],
    ...[listMembers, invite, removeMember, changeRole, leaveOrganization, transferOwnership],
  ]),
  commandGroup('policy', 'What decides: versions, tests, simulation, who may what', [
    ...[lintPolicies, testPolicy, showSchema],
    ...[diffPolicy, applyPolicy, showVersions, showVersion, activateVersion, rollBack, approveRequest, rejectRequest],
    ...[setMode, showMatrix, simulatePolicy, tightenPolicy, whoCan, whatCan, explainDecision],
  ]),
  commandGroup('secrets', 'Secrets: values, versions, files of them, in and out, who was given them', [
    ...[listSecrets, getSecret, putSecret, patchSecret, deleteSecret, undeleteSecret, destroySecret],
    ...[findSecret, listReaders, blastRadius, rotateSecrets],
    ...[listVersions, secretMetadata, mountSecrets, importSecrets, exportSecrets],
  ]),
  runWithSecrets,
  commandGroup('privacy', 'What is held on people: export, erasure, retention', [exportPerson, erasePerson, retention]),
  commandGroup('roles', 'Roles and their rules', [listRoles]),
  commandGroup('grants', 'Who has which role', [createGrant, listGrants, revokeGrant]),
  commandGroup('alerts', 'Alerts on authentication', [
    listAlerts,
    acknowledgeAlert,
    alertSettings,
    commandGroup('channels', 'Where alerts are sent', channelCommands),
  ]),
  commandGroup('clients', 'OAuth clients', clientCommands),
  commandGroup('audiences', 'Services that take short-lived tokens', audienceCommands),
  commandGroup('idp', 'Identity providers of somebody else', [
    listProviders,
    addProvider,
    showProvider,
    removeProvider,
  ]),
  mintToken,
  whoami,
  login,
  logout,
  commandGroup('sessions', 'Your sign-ins', [listSessions, revokeSessions]),
  commandGroup('config', 'Settings of this command line; configurations with references to secrets', [
    showConfig,
    lintConfig,
  ]),
];

/** Runs one command. Never throws: what goes wrong is told on the error output, in one line and what to do next. */
export async function run(argv: readonly string[], world: World): Promise<EndCode> {
  const host: Host = { world, exitCode: exitCodes.ok };
  try {
    // yargs loses a dash that stands alone as a positional.
    const args = argv.map((arg) => (arg === '-' ? standardInput : arg));
    await parserFor(host, args).parseAsync(args, {}, (_error, _flags, text) => {
      if (text !== '') world.writeOut(`${text}\n`);
    });
    return host.exitCode;
  } catch (error) {
    return tell(error, world, argv.includes('--json'));
  }
}

function parserFor(host: Host, argv: readonly string[]): Argv<GlobalFlags> {
  const parser = yargs([...argv])
    .scriptName('gatehouse')
    .usage('$0 <command>\n\nThe command line of Gatehouse.')
    // Beyond yargs' own: `--no-x` and dotted names would only hide typing errors.
    .parserConfiguration({ 'boolean-negation': false, 'dot-notation': false, 'populate--': true })
    .options(globalOptions)
    .completion('completion', 'Print a completion script for the shell')
    .strict()
    .check(eachOnce)
    .recommendCommands()
    .demandCommand(1, 'say what to do')
    .version(false)
    .locale('en')
    .exitProcess(false)
    .wrap(100)
    .fail((message, error) => {
      throw error ?? usageFailure(message.replaceAll('\n', ' '), 'gatehouse --help, or gatehouse <command> --help');
    });
  return commands.reduce<Argv<GlobalFlags>>((known, add) => add(known, host), parser as unknown as Argv<GlobalFlags>);
}

const repeatable = new Set([
  ...['_', '--', 'rule', 'role', 'team', 'network', 'scope', 'question', 'index', 'files'],
  ...['names', 'secret', 'refused', 'set', 'unset', 'recipient'],
]);

/** yargs makes a list of a flag that is given twice: which was meant is not for us to guess. `--` is for `run` alone. */
function eachOnce(flags: Readonly<Record<string, unknown>>): true {
  const twice = Object.keys(flags).find((name) => Array.isArray(flags[name]) && !repeatable.has(name));
  if (twice !== undefined) throw usageFailure(`--${twice} is given more than once`);
  const { '--': behind, _: words } = flags as { '--'?: readonly unknown[]; _: readonly unknown[] };
  if (behind !== undefined && behind.length > 0 && words[0] !== 'run')
    throw usageFailure('nothing is taken behind two dashes');
  return true;
}

function tell(error: unknown, world: World, isJson: boolean): ExitCode {
  const failure = error instanceof Failure ? error : unexpected(error);
  const { message, next, exitCode } = failure;
  if (isJson) world.writeError(`${JSON.stringify({ error: message, ...(next && { next }), exitCode })}\n`);
  else world.writeError(`gatehouse: ${printable(message)}\n${next ? `  ${printable(next)}\n` : ''}`);
  return exitCode;
}

/** A file that cannot be written, a full disk; else a defect of ours, whose place helps whoever reports it. */
function unexpected(error: unknown): Failure {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  const place = code === undefined ? stack?.split('\n')[1]?.trim() : undefined;
  return new Failure(exitCodes.unavailable, message ?? String(error), place, { cause: error });
}
