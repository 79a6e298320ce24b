import { formatPosition, type RoleGranted } from '@gatehouse/contracts';
import { formatScope, parseScope, parseSubject } from '@gatehouse/evaluator';
import { handle, PostgresEventStore } from '@gatehouse/event-store';
import {
  AUTHORIZE,
  type Authorize,
  Caller,
  defineProblems,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { commandContext, PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { Not } from 'typeorm';
import { z } from 'zod';
import { recordable } from '../decision/identifiers.js';
import { Facts } from '../facts/facts.js';
import { roleNames } from '../role/roles.js';
import { type GrantTerms, grantDecider, grantIdOf, grantStream } from './grant.js';
import { GrantRow } from './grant-list/grant-list.entity.js';
import { grantRole } from './grant-role/grant-role.js';
import { revokeRole } from './revoke-role/revoke-role.js';

defineProblems({ last_owner: { status: 409, title: 'A tenant keeps at least one owner' } });

const base = '/api/v1/policy/grants';
const body = z.strictObject({
  subject: z.strictObject({ type: z.string().min(1).max(64), id: z.string().min(1).max(256) }),
  role: z.enum(roleNames),
  scope: z.string().min(1).max(512).default('*'),
});

const create = defineRoute({
  method: 'POST',
  path: base,
  summary: 'Grants a role to a subject, in the tenant or on one resource',
  access: {
    kind: 'action',
    action: 'role.grant',
    resource: ({ input }) => `role/${(input?.body as { role?: string } | undefined)?.role ?? ''}`,
  },
  body,
  status: 201,
});

const revoke = defineRoute({
  method: 'DELETE',
  path: `${base}/:grantId`,
  summary: 'Revokes a grant',
  // Asks its decision in the handler, which knows the role: policy weighs the scopes there.
  access: { kind: 'authenticated', anyScope: true },
  params: z.object({ grantId: z.string().regex(/^[A-Za-z0-9_-]{22}$/) }),
  problems: ['not_found', 'forbidden', 'last_owner'],
});

/** Longest wait for this replica to have read what it has just written; other replicas follow on their own. */
const ownWriteWaitMs = 1_000;

@Controller()
export class GrantController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(Facts) private readonly facts: Facts,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(create)
  async create(@Input() input: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const terms = this.readTerms(input.body);
    const grantId = grantIdOf(terms);
    const result = await handle(this.store, grantDecider, {
      streamId: grantStream(grantId),
      context: commandContext(request, caller, Date.now()),
      decide: grantRole(terms),
    });
    return this.settled({ grantId, ...terms, revision: result.revision }, result.position);
  }

  @Route(revoke)
  async revoke(@Input() input: InputOf<typeof revoke>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { grantId } = input.params;
    const stored = await this.store.read(caller.tenantId, grantStream(grantId));
    const granted = stored.events.find((event) => event.type === 'role.granted')?.data as RoleGranted | undefined;
    if (!granted) throw new ProblemError('not_found', 'There is no such grant');
    const allowed = await this.authorize(caller, 'role.revoke', `role/${granted.role}`, request);
    if (!allowed.allowed) throw new ProblemError('forbidden', `Revoking the role ${granted.role} is not yours to do`);
    await this.keepAnOwner(caller.tenantId, grantId, granted);
    const result = await handle(this.store, grantDecider, {
      streamId: grantStream(grantId),
      context: {
        ...commandContext(request, caller, Date.now()),
        ...(allowed.decisionId && { causationId: allowed.decisionId }),
      },
      decide: revokeRole(),
    });
    return this.settled({ grantId, revoked: true, revision: result.revision }, result.position);
  }

  /** Without an owner nobody could grant the role again. */
  private async keepAnOwner(tenantId: string, grantId: string, { role, scope }: RoleGranted): Promise<void> {
    if (role !== 'owner' || scope !== '*') return;
    const others = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      manager.countBy(GrantRow, { tenantId, role: 'owner', scope: '*', active: true, grantId: Not(grantId) }),
    );
    if (others === 0) throw new ProblemError('last_owner', 'Make somebody else an owner first');
  }

  private readTerms(given: z.output<typeof body>): GrantTerms {
    const subject = parseSubject(given.subject, 'body.subject');
    const scope = parseScope(given.scope, 'body.scope');
    const errors = [subject, scope].flatMap((part) => (part.ok ? [] : part.errors));
    if (!subject.ok || !scope.ok) throw new ProblemError('validation_failed', undefined, { errors });
    return {
      subject: recordable(this.platform.pepper, subject.value),
      role: given.role,
      scope: formatScope(scope.value === '*' ? '*' : recordable(this.platform.pepper, scope.value)),
    };
  }

  /** Whoever was told of a grant may ask a decision at once: this replica has it by then. */
  private async settled<T extends object>(answer: T, position: { tx: bigint; seq: bigint } | undefined) {
    if (!position) return answer;
    await this.facts.waitFor(position, ownWriteWaitMs);
    return { ...answer, position: formatPosition(position) };
  }
}
