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
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import type { Retention } from '../../area.js';
import { commandHeaders, handleCommand } from '../../request-command.js';
import { RETENTION_KINDS } from '../tokens.js';
import { changeRetention, effective, type KeptFor, maxRetentionDays, retentionStream } from './retention.js';
import { readChanged } from './retention-job.service.js';

const view = z.object({ kind: z.string(), days: z.int(), defaultDays: z.int(), revision: z.int() });

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/privacy/retention',
  summary: 'Shows how long each kind of data is kept',
  access: { kind: 'action', action: 'retention.read', resource: 'tenant/retention' },
  response: z.object({ retention: z.array(view) }),
  problems: ['not_found'],
});

const change = defineRoute({
  method: 'PUT',
  path: '/api/v1/identity/privacy/retention/:kind',
  summary: 'Changes how long one kind of data is kept; what is older is gone within the hour',
  access: { kind: 'action', action: 'retention.write', resource: 'tenant/retention' },
  params: z.object({ kind: z.string().regex(/^[a-z][a-z_]{0,63}$/, 'is not a kind of data') }),
  body: z.strictObject({ days: z.int().min(1).max(maxRetentionDays) }),
  headers: commandHeaders,
  response: view,
  problems: ['not_found', 'stale_revision', 'idempotency_key_reused'],
});

/** For the whole installation: only in the operator's tenant. */
@Controller()
export class RetentionController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(RETENTION_KINDS) private readonly kinds: () => readonly Retention[],
  ) {}

  @Route(list)
  async list(@Caller() caller: Principal) {
    this.checkOperator(caller);
    return { retention: effective(this.kinds(), await readChanged(this.platform.database.system)) };
  }

  @Route(change)
  async change(
    @Input() { params, body }: InputOf<typeof change>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    this.checkOperator(caller);
    const { kind } = params;
    const known = this.kinds().find((each) => each.kind === kind);
    if (!known) throw new ProblemError('not_found', 'There is no such kind of data');
    const { state } = await handleCommand(this.store, deciderOf(known), {
      request,
      caller,
      operation: 'retention.write',
      streamId: retentionStream(kind),
      decide: (kept) => changeRetention(kind, body.days, kept.days),
    });
    return { kind, days: state.days, defaultDays: known.defaultDays, revision: state.revision };
  }

  private checkOperator({ tenantId }: Principal): void {
    if (tenantId !== this.platform.settings.OPERATOR_TENANT) throw new ProblemError('not_found');
  }
}

const deciderOf = ({ kind, defaultDays }: Retention) => ({
  initialState: { kind, days: defaultDays, revision: 0 } as KeptFor,
  evolve: (_before: KeptFor, { data, revision }: { data: object; revision: number }): KeptFor => ({
    kind,
    days: (data as { days: number }).days,
    revision,
  }),
});
