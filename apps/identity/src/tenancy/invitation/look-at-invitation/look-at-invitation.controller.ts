import { memberRole } from '@gatehouse/contracts';
import { defineRoute, Input, type InputOf, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../../problems.js';
import { path } from '../../names.js';
import { refusal } from '../../refusals.js';
import { Invitations } from '../invitations.service.js';

const look = defineRoute({
  method: 'POST',
  path: `${path}/invitations/look`,
  summary: 'What the page of an invitation may say to whoever holds its link, before anybody signs in',
  access: { kind: 'public' },
  // In the body and not in the path: addresses are logged.
  body: z.strictObject({ token: z.string().max(128) }),
  response: z.object({ name: z.string(), role: memberRole }),
  bodyLimitBytes: 1_024,
  problems: ['invitation_invalid'],
});

@Controller()
export class LookAtInvitationController {
  constructor(@Inject(Invitations) private readonly invitations: Invitations) {}

  @Route(look)
  look(@Input() { body }: InputOf<typeof look>) {
    return answering(async () => {
      const found = await this.invitations.peek(body.token);
      if (!found) throw refusal('invitation_invalid');
      return { name: found.name, role: found.role };
    });
  }
}
