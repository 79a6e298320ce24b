import { login, logout } from './account/login.js';
import { profileCommands } from './account/profile-commands.js';
import { listSessions, revokeSessions } from './account/sessions.js';
import { showConfig } from './account/show-config.js';
import { whoami } from './account/whoami.js';
import { acknowledgeAlert, listAlerts } from './alert/alerts.js';
import { channelCommands } from './alert/channels.js';
import { alertSettings } from './alert/settings.js';
import { audienceCommands } from './audience/audiences.js';
import { mintToken } from './audience/token.js';
import { clientCommands } from './client/clients.js';
import { type Command, commandGroup } from './command.js';
import { decide } from './decision/decide.js';
import { copyFiles } from './device/files/copy.js';
import { listFiles } from './device/files/list.js';
import {
  deviceHistory,
  groupDevice,
  labelDevice,
  removeDevice,
  renameDevice,
  setDevice,
} from './device/inventory/change-devices.js';
import { listDevices, showDevice } from './device/inventory/list-devices.js';
import { approveDevice, liftRejection, rejectDevice } from './device/inventory/registrations.js';
import { playSession } from './device/session/play.js';
import { endDeviceSession, listDeviceSessions, showDeviceSession } from './device/session/sessions.js';
import { ssh } from './device/ssh/ssh.js';
import { syncFiles } from './device/sync/sync.js';
import { blastRadius } from './disclosure/blast-radius.js';
import { findSecret } from './disclosure/find-secret.js';
import { listReaders } from './disclosure/readers.js';
import { rotateSecrets } from './disclosure/rotate-secrets.js';
import { checkConsistency } from './entry/check-consistency.js';
import { listEntries } from './entry/list-entries.js';
import { proveEntries } from './entry/prove-entries.js';
import { checkpoint, ledgerKey } from './entry/read-ledger.js';
import { verifyProof } from './entry/verify-proof.js';
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
import { activateVersion, approveRequest, rejectRequest, rollBack, setMode } from './policy/activations.js';
import { applyPolicy, diffPolicy } from './policy/apply.js';
import { explainDecision } from './policy/explain.js';
import { lintPolicies } from './policy/lint.js';
import { showMatrix } from './policy/matrix.js';
import { showSchema } from './policy/schema.js';
import { whatCan, whoCan } from './policy/search.js';
import { simulatePolicy } from './policy/simulate.js';
import { testPolicy } from './policy/test-policy.js';
import { tightenPolicy } from './policy/tighten.js';
import { showVersion, showVersions } from './policy/versions.js';
import { erasePerson } from './privacy/erase-person.js';
import { exportPerson } from './privacy/export-person.js';
import { retention } from './privacy/retention.js';
import { runtimeCommands } from './runtime/runtime-commands.js';
import { deleteSecret, destroySecret, undeleteSecret } from './secret/change-versions.js';
import { lintConfig } from './secret/lint-config.js';
import { secretMetadata } from './secret/metadata.js';
import { mountSecrets } from './secret/mount/mount.js';
import { getSecret, listSecrets, listVersions } from './secret/read-commands.js';
import { runWithSecrets } from './secret/run/run-program.js';
import { exportSecrets } from './secret/transfer/export-secrets.js';
import { importSecrets } from './secret/transfer/import-secrets.js';
import { patchSecret, putSecret } from './secret/write-commands.js';

/** Everything that can be called by its own word. What is done on a device is called by the device's name. */
export const commands: readonly Command[] = [
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
  commandGroup('devices', 'Devices: who is let in, names, labels, groups', [
    ...[listDevices, showDevice, approveDevice, rejectDevice, liftRejection, renameDevice, setDevice, removeDevice],
    ...[labelDevice, groupDevice, deviceHistory],
  ]),
  commandGroup('sessions', 'What was done on devices: sessions and their recordings', [
    ...[listDeviceSessions, showDeviceSession, playSession, endDeviceSession],
  ]),
  copyFiles,
  syncFiles,
  listFiles,
  ssh,
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
  runtimeCommands,
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
  commandGroup('sign-ins', 'Your sign-ins', [listSessions, revokeSessions]),
  commandGroup('profile', 'Several accounts on this machine', profileCommands),
  commandGroup('config', 'Settings of this command line; configurations with references to secrets', [
    showConfig,
    lintConfig,
  ]),
];
