import { audienceAccess } from '@gatehouse/contracts';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../request-command.js';
import { audienceName, audienceView } from '../audience-view.js';
import { changeAudience, deactivateAudience, reactivateAudience } from '../change-audience.js';
import { ChangeAudience } from '../change-audience.service.js';

const writeOne = {
  kind: 'action',
  action: 'audience.write',
  resource: ({ input }: HttpRequest) => `audience/${(input?.params as { name?: string } | undefined)?.name ?? ''}`,
} as const;
const shared = {
  access: writeOne,
  params: z.object({ name: audienceName }),
  headers: commandHeaders,
  response: audienceView,
  problems: ['not_found', 'stale_revision', 'idempotency_key_reused'],
} as const;

const change = defineRoute({
  ...shared,
  method: 'PATCH',
  path: '/api/v1/identity/audiences/:name',
  summary: 'Changes who gets tokens for an audience',
  body: z.strictObject({
    access: audienceAccess.optional(),
    guests: z.boolean().optional(),
    showsEmail: z.boolean().optional(),
  }),
});

const deactivate = defineRoute({
  ...shared,
  method: 'POST',
  path: '/api/v1/identity/audiences/:name/deactivate',
  summary: 'Gives no more tokens for an audience; its name stays taken',
  // The reason is shown and recorded as it is: one line, no personal data.
  body: z
    .strictObject({
      reason: recordedText(200).optional(),
    })
    .nullish(),
});

const reactivate = defineRoute({
  ...shared,
  method: 'POST',
  path: '/api/v1/identity/audiences/:name/reactivate',
  summary: 'Gives tokens for an audience again',
  body: z.strictObject({}).nullish(),
});

@Controller()
export class ChangeAudienceController {
  constructor(@Inject(ChangeAudience) private readonly changes: ChangeAudience) {}

  @Route(change)
  change(@Input() input: InputOf<typeof change>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { access, guests, showsEmail } = input.body;
    const wanted = {
      ...(access !== undefined && { access }),
      ...(guests !== undefined && { guests }),
      ...(showsEmail !== undefined && { showsEmail }),
    };
    return this.changes.run(request, caller, {
      name: input.params.name,
      operation: 'audience.change',
      decide: (audience) => changeAudience(wanted, audience),
    });
  }

  @Route(deactivate)
  deactivate(@Input() input: InputOf<typeof deactivate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.changes.run(request, caller, {
      name: input.params.name,
      operation: 'audience.deactivate',
      decide: (audience) => deactivateAudience(input.body?.reason, audience),
    });
  }

  @Route(reactivate)
  reactivate(@Input() input: InputOf<typeof reactivate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.changes.run(request, caller, {
      name: input.params.name,
      operation: 'audience.reactivate',
      decide: reactivateAudience,
    });
  }
}
