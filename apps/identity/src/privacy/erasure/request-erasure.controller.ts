import type { ErasureRequested } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import {
  AUTHORIZE,
  type Authorize,
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { Passwords } from '../../account/password/passwords.service.js';
import { People, type Person } from '../../person/people.service.js';
import { commandContext, commandHeaders, commandIdOf } from '../../request-command.js';
import { isAskedBy } from '../export/export-view.js';
import { type Permission, PersonAccess } from '../person-access.service.js';
import { ERASURE_GRACE, type ErasureGrace } from '../tokens.js';
import { ErasureRows } from './erasure-rows.service.js';
import { erasureView, viewOfErasure } from './erasure-view.js';
import { LastOwners } from './last-owners.service.js';
import { PersonAttempts } from './person-attempts.js';
import { requestErasure } from './request-erasure.service.js';

const body = z.strictObject({
  userId: z.uuid(),
  /** Once more, so that nobody erases by a slip: the id of the person, or the e-mail address. */
  confirm: z.string().min(1).max(320),
  /** Of the person who erases herself, if there is one. */
  password: z.string().min(1).max(1_024).optional(),
  /** For an administrator; a person's own erasure waits as long as the installation says. */
  graceHours: z.int().min(0).max(8_760).optional(),
});

const requestRoute = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/privacy/erasures',
  summary:
    'Begins to erase a person: the caller, or another one for an administrator. What was erased cannot come back',
  access: { kind: 'authenticated' },
  body,
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: erasureView,
  status: 202,
  problems: [
    'recent_sign_in_required',
    'proof_required',
    'confirmation_wrong',
    'erasure_running',
    'erasure_last_owner',
    'idempotency_key_reused',
    'not_found',
    'rate_limited',
  ],
});

const hourMs = 3_600_000;

@Controller()
export class RequestErasureController {
  private readonly attempts = new PersonAttempts();

  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PersonAccess) private readonly access: PersonAccess,
    @Inject(People) private readonly people: People,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(LastOwners) private readonly owners: LastOwners,
    @Inject(ErasureRows) private readonly rows: ErasureRows,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(ERASURE_GRACE) private readonly grace: ErasureGrace,
  ) {}

  @Route(requestRoute)
  async request(
    @Input() { body: wanted }: InputOf<typeof requestRoute>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const now = Date.now();
    const { userId } = wanted;
    const { authorize } = this;
    const permission = await this.access.check(userId, 'person.erase', { caller, request, authorize });
    const { person, decisionId } = permission;
    const commandId = commandIdOf(request, caller, 'person.erase');
    const before = commandId && (await this.store.readCommand(person.homeTenantId, commandId));
    if (before) return this.repeated(before.events[0]?.data as ErasureRequested | undefined, userId, caller);
    if (person.status === 'erased') throw new ProblemError('not_found', 'The person was erased before');
    await this.checkIntent(permission, wanted, now);
    await this.refuseLastOwner(userId);
    const graceHours = permission.as === 'self' ? this.grace.hours : (wanted.graceHours ?? 0);
    const context = commandContext(request, caller, now);
    const job = await requestErasure(
      { store: this.store, rows: this.rows },
      {
        person,
        askedBy: { type: caller.type, id: caller.id, tenantId: caller.tenantId },
        dueAtMs: now + graceHours * hourMs,
        context: { ...context, ...(decisionId !== undefined && { causationId: decisionId }) },
        commandId,
      },
    );
    return viewOfErasure(job);
  }

  private async checkIntent({ person, as }: Permission, { confirm, password }: z.output<typeof body>, now: number) {
    const { email } = await this.people.profileOf(person);
    const meant = [person.userId, ...(email === undefined ? [] : [email.toLowerCase()])];
    if (!meant.includes(confirm.trim().toLowerCase())) throw new ProblemError('confirmation_wrong');
    if (as === 'self') await this.checkPassword(person, password, now);
  }

  /** A session that was left open must not be enough. Whoever has no password has proved himself otherwise just now. */
  private async checkPassword(person: Person, password: string | undefined, now: number): Promise<void> {
    if (!(await this.passwords.has(person))) return;
    const wait = this.attempts.take(person.userId, now);
    if (wait > 0) throw new ProblemError('rate_limited', undefined, { retryAfterSeconds: wait / 1_000 });
    const checked = password === undefined ? undefined : await this.passwords.check(person, password);
    if (!checked) throw new ProblemError('proof_required');
  }

  private async refuseLastOwner(userId: string): Promise<void> {
    const held = await this.owners.heldBy(userId);
    if (held.length === 0) return;
    const errors = held.map(({ tenantId }) => ({ path: `tenant/${tenantId}`, message: 'needs another owner first' }));
    throw new ProblemError('erasure_last_owner', undefined, { errors });
  }

  /** The same request again answers how its erasure stands now. */
  private async repeated(first: ErasureRequested | undefined, userId: string, caller: Principal) {
    const job = first?.userId === userId ? await this.rows.byId(first.erasureId) : undefined;
    if (!job || !isAskedBy(job, caller)) throw new ProblemError('idempotency_key_reused');
    return viewOfErasure(job);
  }
}
