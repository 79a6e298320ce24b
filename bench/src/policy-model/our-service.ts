import type { Stack } from '../stack.js';
import type { AccessModel } from './access-model.js';
import { documentOf } from './gatehouse.js';

/** Puts the model into the running service: its roles as the tenant's active policy, and who holds them. */
export async function establish(stack: Stack, model: AccessModel): Promise<void> {
  const drafted = await call(stack, '/api/v1/policy/versions', { document: documentOf(model) });
  await call(stack, `/api/v1/policy/versions/${encodeURIComponent(drafted.digest)}/activate`, { reason: 'bench' });
  const grants = model.users.flatMap(({ id, roles }) => roles.map((role) => ({ subject: { type: 'user', id }, role })));
  const width = 8;
  for (let at = 0; at < grants.length; at += width) {
    await Promise.all(grants.slice(at, at + width).map((grant) => call(stack, '/api/v1/policy/grants', grant)));
  }
}

async function call(stack: Stack, path: string, body: unknown): Promise<{ readonly digest: string }> {
  const response = await fetch(`${stack.services.policy}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${stack.key}` },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as { digest: string };
}
