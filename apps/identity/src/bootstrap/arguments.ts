import { parseArgs } from 'node:util';
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

/** `--email E --out FILE [--tenant main] [--tenant-name T] [--name N]`. @throws Error that repeats no personal value */
export function readBootstrapArguments(args: readonly string[]): BootstrapArguments {
  const options = { email: text, out: text, tenant: text, 'tenant-name': text, name: text };
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const { email = '', name } = values;
  if (!emailPattern.test(email)) throw new Error('--email needs the e-mail address of the first owner');
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

function readWhere(values: { readonly tenant?: string | undefined; readonly out?: string | undefined }) {
  const { tenant: tenantId = 'main', out = '' } = values;
  if (!tenantIdPattern.test(tenantId))
    throw new Error('--tenant takes lower-case letters, digits and hyphens, at most 63');
  if (out === '') throw new Error('--out needs a file for the secrets; it must not exist yet');
  return { tenantId, out };
}
