import { randomUUID } from 'node:crypto';
import { type PolicyStack, untilKnown } from './policy-stack.js';

/** What the routes answer, as far as tests go on with it. */
export interface Answer {
  readonly digest: string;
  readonly requestId: string;
  readonly grantId: string;
  readonly nextCursor: string | null;
  readonly document: object;
  readonly versions: readonly { readonly digest: string }[];
  readonly warnings: readonly { readonly code: string }[];
  readonly grants: readonly { readonly grantId: string; readonly subject: { readonly type: string } }[];
  readonly shares: readonly object[];
  readonly activations: readonly object[];
  readonly requests: readonly object[];
  readonly types: readonly string[];
  readonly roles: readonly { readonly name: string; readonly cells: object }[];
  readonly [member: string]: unknown;
}

export interface Answered {
  readonly status: number;
  readonly body: Answer;
}

/** Somebody who calls, by one of his keys. */
export interface Somebody {
  readonly type: 'user' | 'service';
  readonly id: string;
  readonly key: string;
  call(path: string, body?: unknown, init?: { method?: string; headers?: Record<string, string> }): Promise<Answered>;
}

const asking: ReadonlySet<string> = new Set(['owner', 'admin', 'maintainer', 'developer']);

/** A tenant of its own, so that tests of one stack do not meet. */
export class TestTenant {
  readonly id = `t-${randomUUID()}`;

  constructor(private readonly stack: PolicyStack) {}

  async create(): Promise<Somebody> {
    const owner = randomUUID();
    await this.stack.identity.publish(this.id, 'tenant.created', { name: this.id, ownerId: owner });
    return this.another(owner);
  }

  /** A new member. */
  async person(role: string): Promise<Somebody> {
    const userId = randomUUID();
    await this.stack.identity.publish(this.id, 'member.added', { userId, role, via: 'invitation' });
    return this.another(userId, role);
  }

  /** Another key of the same person. */
  async another(userId: string, role = 'owner'): Promise<Somebody> {
    const principal = { type: 'user', id: userId };
    const { key } = await this.stack.identity.createKey(this.id, `key-${randomUUID()}`, [], { principal });
    return this.#known('user', userId, key, [role]);
  }

  async service(name: string, roles: readonly string[], madeBy?: Somebody): Promise<Somebody> {
    const actor = madeBy && { type: madeBy.type, id: madeBy.id };
    const { key } = await this.stack.identity.createKey(this.id, name, roles, {}, actor);
    return this.#known('service', name, key, roles);
  }

  async #known(type: Somebody['type'], id: string, key: string, roles: readonly string[]): Promise<Somebody> {
    await untilKnown(this.stack, key, roles.some((role) => asking.has(role)) ? 400 : 403);
    return {
      type,
      id,
      key,
      call: async (path, body, { method, headers } = {}) => {
        const init = { key, ...(method && { method }), ...(headers && { headers }) };
        const answer = await this.stack.call(`/api/v1/policy${path}`, body === undefined ? init : { ...init, body });
        return { status: answer.status, body: (await answer.json()) as Answer };
      },
    };
  }

  /** The decision on a question of this tenant, asked with a developer's rights. */
  async decides(by: Somebody, subject: string, action: string, resource: string): Promise<boolean | number> {
    const answer = await this.stack.ask(by.key, subject, action, resource);
    const body = (await answer.json()) as { decision?: boolean };
    return body.decision ?? answer.status;
  }
}
