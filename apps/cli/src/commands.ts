import { type LazyCommand, lazyCommand, lazyGroup } from './command.js';

/** Everything that can be called by its own word. What is done on a device is called by the device's name. */
export const commands: readonly LazyCommand[] = [
  lazyGroup('keys', 'API keys', async () => (await import('./key/key-commands.js')).keyCommands),
  lazyCommand(
    'decide <subject> <question..>',
    'Ask whether a subject may do something; every answer is recorded',
    async () => (await import('./decision/decide.js')).decide,
  ),
  lazyGroup(
    'audit',
    'The ledger and its proofs',
    async () => (await import('./entry/ledger-commands.js')).ledgerCommands,
  ),
  lazyGroup(
    'org',
    'Organizations and their members',
    async () => (await import('./organization/organization-commands.js')).organizationCommands,
  ),
  lazyGroup(
    'devices',
    'Devices: who is let in, names, labels, groups',
    async () => (await import('./device/inventory/inventory-commands.js')).inventoryCommands,
  ),
  lazyGroup(
    'sessions',
    'What was done on devices: sessions and their recordings',
    async () => (await import('./device/session/session-commands.js')).sessionCommands,
  ),
  lazyCommand(
    'cp <paths..>',
    'Copy files: SOURCE... TARGET, where DEVICE:PATH is on a device',
    async () => (await import('./device/files/copy.js')).copyFiles,
  ),
  lazyCommand(
    'sync <source> <target>',
    'Make a folder like another one; DEVICE:PATH is on a device',
    async () => (await import('./device/sync/sync.js')).syncFiles,
  ),
  lazyCommand(
    'ls <path>',
    'List a folder of a device: DEVICE:PATH',
    async () => (await import('./device/files/list.js')).listFiles,
  ),
  lazyCommand(
    'ssh <host> [args..]',
    'Run ssh to a device; ssh enable makes ssh, scp and rsync know DEVICE.gatehouse, ssh disable undoes it',
    async () => (await import('./device/ssh/ssh.js')).ssh,
  ),
  lazyGroup(
    'policy',
    'What decides: versions, tests, simulation, who may what',
    async () => (await import('./policy/policy-commands.js')).policyCommands,
  ),
  lazyGroup(
    'secrets',
    'Secrets: values, versions, files of them, in and out, who was given them',
    async () => (await import('./secret/secret-commands.js')).secretCommands,
  ),
  lazyCommand(
    'run',
    'Run a program with secrets in its environment: run --secret NAME -- PROGRAM ...',
    async () => (await import('./secret/run/run-program.js')).runWithSecrets,
  ),
  lazyGroup(
    'runtime',
    'This machine as a device',
    async () => (await import('./runtime/runtime-commands.js')).runtimeCommands,
  ),
  lazyGroup(
    'privacy',
    'What is held on people: export, erasure, retention',
    async () => (await import('./privacy/privacy-commands.js')).privacyCommands,
  ),
  lazyGroup('roles', 'Roles and their rules', async () => [(await import('./grant/list-roles.js')).listRoles]),
  lazyGroup('grants', 'Who has which role', async () => (await import('./grant/grant-commands.js')).grantCommands),
  lazyGroup(
    'alerts',
    'Alerts on authentication',
    async () => (await import('./alert/alert-commands.js')).alertCommands,
  ),
  lazyGroup('clients', 'OAuth clients', async () => (await import('./client/clients.js')).clientCommands),
  lazyGroup(
    'audiences',
    'Services that take short-lived tokens',
    async () => (await import('./audience/audiences.js')).audienceCommands,
  ),
  lazyGroup(
    'idp',
    'Identity providers of somebody else',
    async () => (await import('./identity-provider/provider-commands.js')).providerCommands,
  ),
  lazyCommand(
    'token',
    'Get a token of 60 seconds for one service; it alone is the answer',
    async () => (await import('./audience/token.js')).mintToken,
  ),
  lazyCommand('whoami', 'Show whom the key speaks for', async () => (await import('./account/whoami.js')).whoami),
  lazyCommand(
    'login',
    'Sign in, or keep a key for later calls',
    async () => (await import('./account/login.js')).login,
  ),
  lazyCommand(
    'logout',
    'End the sign-in, or forget the key on this machine; the key still works until it is disabled',
    async () => (await import('./account/login.js')).logout,
  ),
  lazyGroup('sign-ins', 'Your sign-ins', async () => (await import('./account/sessions.js')).signInCommands),
  lazyGroup(
    'profile',
    'Several accounts on this machine',
    async () => (await import('./account/profile-commands.js')).profileCommands,
  ),
  lazyGroup('config', 'Settings of this command line; configurations with references to secrets', async () => [
    (await import('./account/show-config.js')).showConfig,
    (await import('./secret/lint-config.js')).lintConfig,
  ]),
  lazyCommand('version', 'Show the version', async () => (await import('./version.js')).versionCommand),
];
