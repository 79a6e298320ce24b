import { audienceAccess } from '@gatehouse/contracts';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../request-command.js';
import { audienceName, audienceView } from '../audience-view.js';
import { createAudience } from '../change-audience.js';
import { ChangeAudience } from '../change-audience.service.js';

const create = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/audiences',
  summary: 'Names a service that takes short-lived tokens',
  access: {
    kind: 'action',
    action: 'audience.write',
    resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}`,
  },
  body: z.strictObject({
    name: audienceName,
    access: audienceAccess.default('tenant'),
    guests: z.boolean().default(false),
    showsEmail: z.boolean().default(false),
  }),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: audienceView,
  status: 201,
  problems: ['audience_name_taken', 'idempotency_key_reused'],
});

@Controller()
export class CreateAudienceController {
  constructor(@Inject(ChangeAudience) private readonly change: ChangeAudience) {}

  @Route(create)
  create(@Input() { body }: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.change.run(request, caller, {
      name: body.name,
      operation: 'audience.create',
      decide: (audience) => createAudience(body, audience),
    });
  }
}
