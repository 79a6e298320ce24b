import { usageFailure } from '../../failure.js';
import type { World } from '../../world.js';

export interface OwnerFlags {
  readonly email?: string | undefined;
  readonly 'org-id'?: string | undefined;
}

const variables = ['GATEHOUSE_OWNER', 'OWNER_REFERENCE'];

/** `user:<email>` or `org:<id>`: flags before environment before what was said at an earlier start. Undefined: nobody said. */
export function ownerFrom(flags: OwnerFlags, env: World['env'], known: string | undefined): string | undefined {
  if (flags.email !== undefined) return checked(`user:${flags.email}`, '--email');
  if (flags['org-id'] !== undefined) return checked(`org:${flags['org-id']}`, '--org-id');
  for (const name of variables) {
    const text = env[name]?.trim();
    if (text) return checked(withKind(text), name);
  }
  return known;
}

/** As m87 has it: with an `@` it is a person. */
const withKind = (text: string): string =>
  /^(user|org):/.test(text) ? text : `${text.includes('@') ? 'user' : 'org'}:${text}`;

function checked(owner: string, from: string): string {
  if (/^user:[^\s@]{1,64}@[^\s@]{1,253}$|^org:[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(owner)) return owner;
  throw usageFailure(`${from}: neither a mail address nor the id of an organization`);
}
