import { parseArgs } from 'node:util';
import { readVariable } from '@gatehouse/config';
import { tenantIdPattern } from '@gatehouse/contracts';

export interface BootstrapArguments {
  readonly email: string;
  readonly tenantId: string;
  readonly tenantName: string;
  readonly name?: string;
  readonly out: string;
}

export interface OfferSetupArguments {
  readonly tenantId: string;
  readonly out: string;
}

/** Enough to catch a slip: `owner@localhost` is an address, and only a message sent there could prove more. */
const emailPattern = /^[^\s@\p{Cc}]{1,64}@[^\s@\p{Cc}]{1,189}$/u;

const text = { type: 'string' } as const;

/**
 * `--out FILE [--tenant main] [--tenant-name T] [--name N] [--email E]`. The address may come from OWNER_EMAIL instead: other users
 * of a machine see the arguments of a process, not its environment.
 *
 * @throws Error that repeats no personal value
 */
export function readBootstrapArguments(args: readonly string[], env: NodeJS.ProcessEnv): BootstrapArguments {
  const options = { email: text, out: text, tenant: text, 'tenant-name': text, name: text };
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const { name } = values;
  const email = values.email ?? emailFrom(env);
  if (!emailPattern.test(email)) throw new Error('OWNER_EMAIL or --email needs the e-mail address of the first owner');
  if (name !== undefined && (name.trim() === '' || name.length > 200)) throw new Error('--name is empty or too long');
  const where = readWhere(values);
  const tenantName = values['tenant-name'] ?? where.tenantId;
  if (tenantName.trim() === '' || tenantName.length > 200) throw new Error('--tenant-name is empty or too long');
  return { email, ...where, tenantName, ...(name !== undefined && { name }) };
}

/** `--out FILE [--tenant main]`. */
export function readOfferSetupArguments(args: readonly string[]): OfferSetupArguments {
  return readWhere(parseArgs({ args: [...args], options: { out: text, tenant: text }, strict: true }).values);
}

function emailFrom(env: NodeJS.ProcessEnv): string {
  const found = readVariable(env, 'OWNER_EMAIL');
  if ('problem' in found) throw new Error(`${found.variable} ${found.problem}`);
  return found.value ?? '';
}

function readWhere(values: { readonly tenant?: string | undefined; readonly out?: string | undefined }) {
  const { tenant: tenantId = 'main', out = '' } = values;
  if (!tenantIdPattern.test(tenantId))
    throw new Error('--tenant takes lower-case letters, digits and hyphens, at most 63');
  if (out === '') throw new Error('--out needs a file for the secrets; it must not exist yet');
  return { tenantId, out };
}
