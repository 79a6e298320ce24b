import { ConfigError } from './config-error.js';

/** What make87 gives an application in `MAKE87_CONFIG`. Members that are not listed are left out, as their SDKs do. */
export interface ApplicationConfig {
  readonly application_info: ApplicationInfo;
  /** The application's own settings: the one part in which references are resolved. */
  readonly config: unknown;
  readonly interfaces: Readonly<Record<string, unknown>>;
  readonly peripherals: { readonly peripherals: readonly Peripheral[] };
  readonly storage?: Storage | null;
}

export interface ApplicationInfo {
  readonly application_id: string;
  readonly application_name: string;
  readonly deployed_application_id: string;
  readonly deployed_application_name: string;
  readonly is_release_version: boolean;
  readonly system_id: string;
  readonly git_url?: string | null;
  readonly git_branch?: string | null;
}

export interface Peripheral {
  readonly name: string;
  /** `{<Kind>: {...}}` */
  readonly peripheral: Readonly<Record<string, unknown>>;
}

export interface Storage {
  readonly url: string;
  readonly endpoint_url: string;
  readonly access_key: string;
  readonly secret_key: string;
}

type Members = Readonly<Record<string, unknown>>;
/** Says what is wrong with a value, or nothing. */
type Rule = (value: unknown) => string | undefined;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text: Rule = (value) => (typeof value === 'string' ? undefined : 'must be a text');
const flag: Rule = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const object: Rule = (value) => (isObject(value) ? undefined : 'must be an object');
const optional =
  (rule: Rule): Rule =>
  (value) =>
    value === undefined || value === null ? undefined : rule(value);

const infoRules: Readonly<Record<keyof ApplicationInfo, Rule>> = {
  application_id: text,
  application_name: text,
  deployed_application_id: text,
  deployed_application_name: text,
  is_release_version: flag,
  system_id: text,
  git_url: optional(text),
  git_branch: optional(text),
};
const storageRules: Readonly<Record<keyof Storage, Rule>> = {
  url: text,
  endpoint_url: text,
  access_key: text,
  secret_key: text,
};
const peripheralRules: Readonly<Record<keyof Peripheral, Rule>> = { name: text, peripheral: object };

/** @throws ConfigError `wrong_shape`, naming every member that is wrong and no value */
export function toApplicationConfig(value: unknown): ApplicationConfig {
  const problems: string[] = [];
  const members = (at: string, found: unknown, rules: Readonly<Record<string, Rule>>): Members => {
    const read = isObject(found) ? found : {};
    if (!isObject(found)) problems.push(`${at} must be an object`);
    else
      for (const [name, rule] of Object.entries(rules)) {
        const problem = rule(own(read, name));
        if (problem) problems.push(`${at}.${name} ${problem}`);
      }
    return Object.fromEntries(Object.keys(rules).flatMap((name) => (name in read ? [[name, own(read, name)]] : [])));
  };
  const root = isObject(value) ? value : {};
  if (!isObject(value)) problems.push('it must be an object');
  const info = members('application_info', own(root, 'application_info'), infoRules);
  if (!Object.hasOwn(root, 'config')) problems.push('config is missing');
  members('interfaces', own(root, 'interfaces'), {});
  const { peripherals } = {
    peripherals: [],
    ...members('peripherals', own(root, 'peripherals'), { peripherals: list }),
  };
  const listed = (Array.isArray(peripherals) ? peripherals : []).map((item, i) =>
    members(`peripherals.peripherals[${i}]`, item, peripheralRules),
  );
  const kept = own(root, 'storage');
  const storage = kept === undefined || kept === null ? kept : members('storage', kept, storageRules);
  if (problems.length > 0) throw new ConfigError('wrong_shape', `the configuration is not valid: ${shown(problems)}`);
  return {
    application_info: info as unknown as ApplicationInfo,
    config: root.config,
    interfaces: root.interfaces as Members,
    peripherals: { peripherals: listed as unknown as readonly Peripheral[] },
    ...(storage !== undefined && { storage: storage as unknown as Storage | null }),
  };
}

const list: Rule = (value) => (Array.isArray(value) ? undefined : 'must be a list');
const own = (object: Members, name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined);
const shown = (problems: readonly string[]): string =>
  problems.length > 10 ? `${problems.slice(0, 10).join('; ')}; and ${problems.length - 10} more` : problems.join('; ');
