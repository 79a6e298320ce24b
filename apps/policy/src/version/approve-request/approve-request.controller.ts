import type { Actor } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import {
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { commandHeaders, PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { grantStream } from '../../grant/grant.js';
import { GrantRow } from '../../grant/grant-list/grant-list.entity.js';
import { Activating } from '../activate-version/activating.service.js';
import { approveRequest, rejectRequest } from './approve-request.js';

const path = '/api/v1/policy/activations/:requestId';
const access = { kind: 'action', action: 'policy.activate', resource: 'policy/active' } as const;
const params = z.object({ requestId: z.uuid() });
const headers = commandHeaders.pick({ 'idempotency-key': true });
const problems = ['not_found', 'request_void', 'request_closed'] as const;

const approve = defineRoute({
  method: 'POST',
  path: `${path}/approve`,
  summary: 'Agrees to what somebody else asked for, which then comes into force',
  access,
  params,
  headers,
  problems: [...problems, 'request_expired', 'own_request', 'approver_not_a_person', 'policy_tests_failed'],
});
const reject = defineRoute({
  method: 'POST',
  path: `${path}/reject`,
  summary: 'Refuses what was asked for, or takes it back',
  access,
  params,
  body: z.strictObject({ reason: recordedText(500) }),
  headers,
  problems,
});

/** A service that asks holds a few roles, and few people made it what it is. More cannot be told apart here. */
const maxGrants = 100;
const maxHands = 50;

@Controller()
export class ApproveRequestController {
  constructor(
    @Inject(Activating) private readonly activating: Activating,
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(approve)
  async approve(
    @Input() { params: { requestId } }: InputOf<typeof approve>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const { tenantId } = caller;
    const { requests } = await this.activating.state(tenantId);
    const asked = requests.find((candidate) => candidate.requestId === requestId);
    if (asked?.kind === 'activation' && asked.status === 'open')
      await this.activating.assertActivatable(tenantId, asked.digest, !asked.rollback);
    const handsOfRequester = asked?.requestedBy.type === 'service' ? await this.hands(tenantId, asked.requestedBy) : [];
    const by: Actor = { type: caller.type, id: caller.id };
    const operation = `policy.approve.${requestId}`;
    const outcome = await this.activating.change({ caller, request }, operation, ({ now }) =>
      approveRequest({ requestId, by, handsOfRequester, now }),
    );
    return asked?.kind === 'settings' ? { ...outcome, status: 'changed' } : outcome;
  }

  @Route(reject)
  async reject(
    @Input() { params: { requestId }, body }: InputOf<typeof reject>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const outcome = await this.activating.change({ caller, request }, `policy.reject.${requestId}`, () =>
      rejectRequest({ requestId, reason: body.reason }),
    );
    return { ...outcome, status: 'rejected' };
  }

  /**
   * Whoever ever gave the service a role: the roles of a key are given by who made the key. If that is a service again,
   * whoever made that one, too.
   */
  private async hands(tenantId: string, requester: Actor): Promise<readonly Actor[]> {
    const found = new Map<string, Actor>();
    const open = [requester];
    for (let service = open.pop(); service; service = open.pop()) {
      for (const hand of await this.grantersOf(tenantId, service)) {
        const name = `${hand.type}/${hand.id}`;
        if (found.has(name)) continue;
        found.set(name, hand);
        // Who asks for it by more machines than that has no second person in mind.
        if (found.size > maxHands) throw new ProblemError('own_request');
        if (hand.type === 'service') open.push(hand);
      }
    }
    return [...found.values()];
  }

  private async grantersOf(tenantId: string, { type, id }: Actor): Promise<readonly Actor[]> {
    const grants = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      manager.find(GrantRow, { where: { tenantId, subjectType: type, subjectId: id }, take: maxGrants + 1 }),
    );
    if (grants.length > maxGrants) throw new ProblemError('own_request');
    const streams = await Promise.all(grants.map(({ grantId }) => this.store.read(tenantId, grantStream(grantId))));
    return streams.flatMap(({ events }) => events).map(({ actor }) => actor);
  }
}
