import { waitFor } from '@gatehouse/testing';
import type { PolicyStack } from './policy-stack.js';

interface Name {
  readonly type: string;
  readonly id: string;
}

/** A tenant's policy and facts, as it would give them to us. */
export interface Scenario {
  readonly policy: object;
  readonly entities: readonly { readonly entity: Name }[];
  readonly grants: readonly { readonly subject: Name; readonly role: string; readonly scope?: string }[];
}

async function send(stack: PolicyStack, key: string, method: string, path: string, body: unknown) {
  const response = await stack.call(`/api/v1/policy${path}`, { key, method, body });
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** Drafts a policy, activates it, and waits until it decides. */
export async function activatePolicy(stack: PolicyStack, key: string, document: object): Promise<void> {
  const { digest } = await send(stack, key, 'POST', '/versions', { document });
  await send(stack, key, 'POST', `/versions/${digest}/activate`, { reason: 'scenario' });
  const decides = async () => {
    const body = { subject: { type: 'a', id: 'a' }, action: { name: 'a' }, resource: { type: 'a', id: 'a' } };
    const answer = await stack.call('/access/v1/evaluation', { key, body });
    return ((await answer.json()) as { context: { evidence: { policy: string } } }).context.evidence.policy === digest;
  };
  await waitFor(decides, { message: 'the policy decides' });
}

/** Over HTTP alone: a policy, what is known of entities, and grants. */
export async function setUpScenario(stack: PolicyStack, key: string, { policy, entities, grants }: Scenario) {
  await activatePolicy(stack, key, policy);
  for (const entity of entities) await send(stack, key, 'PUT', '/entities', entity);
  for (const grant of grants) await send(stack, key, 'POST', '/grants', grant);
}
