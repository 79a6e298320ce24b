import { usageFailure } from '../../failure.js';
import { enabledFolder } from '../data-folder.js';

export const unitName = 'gatehouse-runtime.service';
export const unitFolder = '/etc/systemd/system';

export interface UnitSettings {
  /** The account that sessions act as. */
  readonly user: string;
  /** Program and arguments, absolute. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Sessions may become another account with sudo: then the unit can take nothing away from them. */
  readonly allowSudo: boolean;
}

/** Each of these keeps a program from gaining rights that the account has not. */
const hardening = [
  'NoNewPrivileges=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'ProtectControlGroups=yes',
  'ProtectClock=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'SystemCallArchitectures=native',
];

/**
 * The unit of systemd: sessions act as the account, with its files and devices, and cannot become more than it.
 *
 * @throws Failure for a word that a unit cannot hold without quoting
 */
export function unitText({ user, command, environment, allowSudo }: UnitSettings): string {
  if (!/^[a-z_][a-z0-9_-]{0,31}\$?$/i.test(user)) throw usageFailure(`"${user}" is no name of an account`);
  for (const word of [...command, ...Object.values(environment)])
    if (!/^[A-Za-z0-9_./:@=+,-]+$/.test(word))
      throw usageFailure(
        `"${word}" cannot stand in a unit of systemd`,
        'Install Gatehouse below a path without blanks',
      );
  if (!command[0]?.startsWith('/')) throw usageFailure('the program of a unit has to be absolute');
  const variables = Object.entries(environment).map(([name, value]) => `Environment=${name}=${value}`);
  return `${[
    '[Unit]',
    'Description=Gatehouse runtime: serves sessions on this device, as far as they were granted',
    'After=network-online.target',
    'Wants=network-online.target',
    'StartLimitIntervalSec=60',
    'StartLimitBurst=10',
    '',
    '[Service]',
    'Type=simple',
    `User=${user}`,
    `ExecStart=${command.join(' ')}`,
    '# Beside its state, whatever home the account has.',
    `Environment=GATEHOUSE_CONFIG_DIR=${enabledFolder.credentials}`,
    ...variables,
    'Restart=on-failure',
    'RestartSec=3',
    '# 1: rejected or removed for good. 4: forbidden. Nothing is tried again.',
    'RestartPreventExitStatus=1 2 4',
    'UMask=0077',
    'StateDirectory=gatehouse',
    'StateDirectoryMode=0700',
    '# What sessions started ends with the runtime: no process is left over.',
    'KillMode=control-group',
    'TimeoutStopSec=15',
    ...(allowSudo ? [] : hardening),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ].join('\n')}\n`;
}
