import { createHash } from 'node:crypto';
import { canonicalJson } from '@gatehouse/crypto';
import { builtinRoleNames, builtinRoles, type CompiledPolicy, compile } from '@gatehouse/evaluator';

export const roleNames = builtinRoleNames;

/** The policy of every tenant: the built-in roles, addressed by the digest of their canonical text. */
export const builtinPolicy: CompiledPolicy = compile({
  digest: `sha256:${createHash('sha256').update(canonicalJson(builtinRoles)).digest('hex')}`,
});
