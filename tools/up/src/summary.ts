import type { LocalAuthority } from '@gatehouse/local-servers';
import type { DataFolder } from './data-folder.js';
import { type Addresses, publicUrl, servicePort } from './environment.js';
import { curlLine, type FirstOwner, setupUrl } from './first-owner.js';
import type { Summary } from './progress.js';
import { gatewayName, type ServiceRow } from './service-table.js';

export interface StartedStack {
  rows: readonly ServiceRow[];
  addresses: Addresses;
  folder: DataFolder;
  authority: LocalAuthority;
  owner: FirstOwner | undefined;
  /** Why the operator's key does not work, if it does not. */
  keyProblem: string | undefined;
}

const sealWarning = (folder: DataFolder): string =>
  `${folder.keys.sealKey} opens every secret. It lies beside the data: whoever has this disk has the secrets. ` +
  'docs/runbooks/vault-keys.md names other seals.';

const keyWarning = (folder: DataFolder, problem: string): string =>
  `the key in ${folder.curlHeader} does not work (${problem}): it was changed or ended, or its roles were. Put another into the file, or delete ${folder.firstOwner}.`;

/** What the person needs next: where it is, whom to trust, how to sign in, what to try. */
export function summaryOf(stack: StartedStack, now: Date, cwd: string): Omit<Summary, 'seconds'> {
  const { rows, addresses, folder, authority, owner, keyProblem } = stack;
  const url = publicUrl(addresses);
  const link = owner === undefined ? undefined : setupUrl(owner, url, now);
  const internal = rows.filter(({ name }) => name !== gatewayName);
  const sealInFile = internal.some(({ name }) => name === 'vault') && (process.env.SEAL ?? 'file') === 'file';
  const canAsk = owner !== undefined && keyProblem === undefined && internal.some(({ name }) => name === 'policy');
  const warnings = [
    ...(sealInFile ? [sealWarning(folder)] : []),
    ...(keyProblem === undefined ? [] : [keyWarning(folder, keyProblem)]),
  ];
  return {
    url,
    caFile: authority.caFile,
    caFingerprint: authority.fingerprint,
    dataFolder: folder.root,
    ...(warnings.length > 0 ? { warnings } : {}),
    ...(link === undefined ? {} : { setupUrl: link }),
    ...(canAsk ? { curl: curlLine(owner, folder, authority.caFile, url, cwd) } : {}),
    services: Object.fromEntries(internal.map((row) => [row.name, `http://127.0.0.1:${servicePort(row, addresses)}`])),
  };
}
