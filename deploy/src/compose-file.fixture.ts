import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const repository = join(import.meta.dirname, '../..');

export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly args: { readonly APP: string } };
  readonly user?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_add?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly pids_limit?: number;
  readonly mem_limit?: string;
  readonly restart?: string;
  readonly network_mode?: string;
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly volumes?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

/** docker-compose.yml with the variables of an `.env` put in, as Compose does it. */
export function readCompose(env: Readonly<Record<string, string>> = {}): ComposeFile {
  const tree: unknown = parse(readFileSync(join(repository, 'docker-compose.yml'), 'utf8'), { merge: true });
  return interpolate(tree, env) as ComposeFile;
}

function interpolate(node: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof node === 'string')
    return node.replaceAll(/\$\{([A-Z_]+)(:?)-([^}]*)\}/g, (_, ...parts) => pick(parts, env));
  if (Array.isArray(node)) return node.map((item) => interpolate(item, env));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, interpolate(value, env)]));
}

/** `${NAME-default}` for a variable that is not set; `${NAME:-default}` for one that is empty, too. */
function pick([name, colon, fallback]: string[], env: Readonly<Record<string, string>>): string {
  const value = env[name ?? ''];
  return value === undefined || (colon === ':' && value === '') ? (fallback ?? '') : value;
}

/** The `.env` that init.mjs wrote. */
export function readEnv(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8').split('\n');
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, (value ?? '').replace(/^'(.*)'$/, '$1')] as const];
  });
  return Object.fromEntries(pairs);
}

export interface ImageFile {
  readonly stages: readonly string[];
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
}

/** What of the Dockerfile a container is started with. */
export function readImageFile(): ImageFile {
  const text = readFileSync(join(repository, 'Dockerfile'), 'utf8');
  const last = text.slice(text.lastIndexOf('\nFROM '));
  const instruction = (name: string) => new RegExp(`^${name} (.*)$`, 'm').exec(last)?.[1] ?? '';
  return {
    stages: [...text.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image),
    user: instruction('USER'),
    entrypoint: JSON.parse(instruction('ENTRYPOINT')) as string[],
    cmd: JSON.parse(instruction('CMD')) as string[],
    healthcheck: JSON.parse(instruction('HEALTHCHECK').replace(/^.*? CMD /, '')) as string[],
  };
}

export const secretNames = ({ secrets = [] }: ComposeService): string[] =>
  secrets.map((secret) => (typeof secret === 'string' ? secret : secret.source));
