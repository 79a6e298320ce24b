import { memberRole } from '@gatehouse/contracts';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../../problems.js';
import { commandContext } from '../../../request-command.js';
import { path } from '../../names.js';
import { personOf } from '../../person-caller.js';
import { Invitations } from '../invitations.service.js';

const accept = defineRoute({
  method: 'POST',
  path: `${path}/invitations/accept`,
  summary: 'The caller becomes a member by the link of an invitation that was sent to his verified address',
  access: { kind: 'authenticated' },
  // In the body and not in the path: addresses are logged.
  body: z.strictObject({ token: z.string().max(128) }),
  response: z.object({ tenantId: z.string(), name: z.string(), role: memberRole }),
  problems: ['invitation_invalid', 'already_member', 'person_required', 'forbidden'],
});

@Controller()
export class AcceptInvitationController {
  constructor(@Inject(Invitations) private readonly invitations: Invitations) {}

  @Route(accept)
  accept(@Input() { body }: InputOf<typeof accept>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const userId = personOf(caller, 'invitation.accept');
    return answering(() => this.invitations.acceptFor(commandContext(request, caller, Date.now()), userId, body.token));
  }
}
