/** The one place of secrets. Its name is fixed: tenants are what keeps secrets apart here, not mounts. */
export const secretMount = 'secret';

const lease = { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false };

/** What clients are told of a mount: `options.version` is a text. */
export interface MountView {
  readonly type: string;
  readonly description: string;
  readonly accessor: string;
  readonly config: object;
  readonly options: Readonly<Record<string, string>> | null;
  readonly local: boolean;
  readonly seal_wrap: boolean;
  readonly external_entropy_access: boolean;
  readonly uuid: string;
}

const mount = (type: string, description: string, options: MountView['options'] = null): MountView => ({
  type,
  description,
  accessor: `${type}_gatehouse`,
  config: lease,
  options,
  local: false,
  seal_wrap: false,
  external_entropy_access: false,
  uuid: '',
});

/** Every mount, by its path with a slash behind it. None can be added or taken away. */
export const mounts: Readonly<Record<string, MountView>> = {
  [`${secretMount}/`]: mount('kv', 'Secrets of the tenant, with versions', { version: '2' }),
  'transit/': mount('transit', 'Encryption and signatures with keys that never leave'),
  'database/': mount('database', 'Accounts of databases, made for a while'),
  'sys/': mount('system', 'State and control of the vault'),
};

/** The mount that a path lies in, with or without a slash behind the mount's name. */
export function mountOf(path: string): { readonly path: string; readonly view: MountView } | undefined {
  const [first = ''] = path.split('/', 1);
  const view = Object.hasOwn(mounts, `${first}/`) ? mounts[`${first}/`] : undefined;
  return view && { path: `${first}/`, view };
}
