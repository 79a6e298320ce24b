import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { commandHeaders } from '@gatehouse/service';
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { changeSettings } from '../change-settings/change-settings.js';
import { digestPattern } from '../draft-version/draft-version.js';
import { activateVersion, rollBack } from './activate-version.js';
import { Activating, type Outcome } from './activating.service.js';

const mayActivate = { kind: 'action', action: 'policy.activate', resource: 'policy/active' } as const;
const reason = recordedText(500);
const expectedActive = z.string().regex(digestPattern).nullable().optional();
const headers = commandHeaders.pick({ 'idempotency-key': true });

const activate = defineRoute({
  method: 'POST',
  path: '/api/v1/policy/versions/:digest/activate',
  summary: 'Activates a version, or the built-in roles alone; with four eyes on, asks for it',
  access: mayActivate,
  params: z.object({ digest: z.union([z.literal('builtin'), z.string().regex(digestPattern)]) }),
  body: z.strictObject({ reason, expectedActive }),
  headers,
  problems: ['not_found', 'stale_revision', 'policy_tests_failed', 'policy_not_activatable', 'too_many_requests_open'],
});
const back = defineRoute({
  method: 'POST',
  path: '/api/v1/policy/rollback',
  summary: 'Activates what was active before; with four eyes on, asks for it',
  access: mayActivate,
  body: z.strictObject({ reason, expectedActive }),
  headers,
  problems: ['nothing_to_roll_back', 'stale_revision', 'policy_not_activatable', 'too_many_requests_open'],
});
const settings = defineRoute({
  method: 'PUT',
  path: '/api/v1/policy/settings',
  summary: 'Sets the mode and the four eyes; with four eyes on, asks for it',
  access: mayActivate,
  body: z.strictObject({ mode: z.enum(['strict', 'audit_only']), fourEyes: z.boolean(), reason }),
  headers,
  problems: ['too_many_requests_open'],
});

@Controller()
export class ActivateVersionController {
  constructor(@Inject(Activating) private readonly activating: Activating) {}

  @Route(activate)
  async activate(
    @Input() { params, body }: InputOf<typeof activate>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const digest = params.digest === 'builtin' ? null : params.digest;
    await this.activating.assertActivatable(caller.tenantId, digest);
    const operation = `policy.activate.${params.digest.slice(0, 32)}`;
    return answer(
      reply,
      await this.activating.change({ caller, request }, operation, (given) =>
        activateVersion({ ...body, digest, ...given }),
      ),
    );
  }

  @Route(back)
  async rollBack(
    @Input() { body }: InputOf<typeof back>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { earlier } = await this.activating.state(caller.tenantId);
    const digest = earlier.at(-1) ?? null;
    // Not its tests: it decided before, and whoever goes back is in a hurry.
    await this.activating.assertActivatable(caller.tenantId, digest, false);
    return answer(
      reply,
      await this.activating.change({ caller, request }, 'policy.rollback', (given) =>
        rollBack({ ...body, digest, ...given }),
      ),
    );
  }

  @Route(settings)
  async settings(
    @Input() { body }: InputOf<typeof settings>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const outcome = await this.activating.change({ caller, request }, 'policy.settings', (given) =>
      changeSettings({ ...body, ...given }),
    );
    return answer(reply, outcome.status === 'activated' ? { ...outcome, status: 'changed' } : outcome);
  }
}

/** 202 for what somebody else has to agree to. */
export function answer<T extends { readonly status: Outcome['status'] | 'changed' }>(
  reply: FastifyReply,
  outcome: T,
): T {
  if (outcome.status === 'awaiting_approval') void reply.code(202);
  return outcome;
}
