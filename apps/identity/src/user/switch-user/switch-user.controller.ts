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
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import type { Person } from '../../person/people.service.js';
import { commandContext } from '../../request-command.js';
import { UserSwitch } from '../user-switch.service.js';

const params = z.object({ userId: z.uuid() });
const response = z.object({ userId: z.uuid(), status: z.enum(['active', 'disabled', 'pending']) });
const resource = ({ params: given }: HttpRequest) => `user/${(given as { userId?: string }).userId ?? ''}`;

const disable = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/users/:userId/disable',
  summary: 'Shuts a person out of the whole installation and ends every session; for operators',
  access: { kind: 'action', action: 'user.disable', resource },
  params,
  body: z.strictObject({ reason: recordedText(200).optional() }).optional(),
  response,
  bodyLimitBytes: 4_096,
  problems: ['not_found'],
});

const enable = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/users/:userId/enable',
  summary: 'Lets a person in again who was shut out; for operators',
  access: { kind: 'action', action: 'user.disable', resource },
  params,
  response,
  problems: ['not_found'],
});

/** A person belongs to no tenant of others, so nobody but the operator's tenant shuts somebody out of all of them. */
@Controller()
export class SwitchUserController {
  constructor(
    @Inject(UserSwitch) private readonly users: UserSwitch,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(disable)
  async disable(
    @Input() { params: { userId }, body }: InputOf<typeof disable>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    this.refuseOthers(caller);
    return view(await this.users.disable(userId, body?.reason, commandContext(request, caller, Date.now())));
  }

  @Route(enable)
  async enable(
    @Input() { params: { userId } }: InputOf<typeof enable>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    this.refuseOthers(caller);
    return view(await this.users.enable(userId, commandContext(request, caller, Date.now())));
  }

  private refuseOthers({ tenantId }: Principal): void {
    if (tenantId !== this.platform.settings.OPERATOR_TENANT) throw new ProblemError('not_found');
  }
}

function view(person: Person | undefined) {
  if (!person) throw new ProblemError('not_found');
  return { userId: person.userId, status: person.status };
}
