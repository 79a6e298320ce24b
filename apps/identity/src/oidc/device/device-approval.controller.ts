import { type Principal } from '@gatehouse/authn';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { ownPageOnly } from '../interaction/interaction.controller.js';
import { DeviceApprovals } from './device-approvals.service.js';

const userCode = z.string().min(8).max(32);
const problems = ['user_code_unknown', 'rate_limited', 'cross_site_refused', 'device_decided'];

const lookup = defineRoute({
  method: 'POST',
  path: '/oidc/device-approval/lookup',
  summary: 'Shows the person who waits under a code: which program, from where, since when, for what',
  access: { kind: 'authenticated' },
  body: z.strictObject({ userCode }),
  response: z.object({
    client: z.object({ id: z.string(), title: z.string(), registered: z.boolean() }),
    /** The network and the program of whoever began this; to be compared by the person, it proves nothing. */
    requestedFrom: z.object({ network: z.string(), userAgent: z.string() }),
    requestedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    scopes: z.array(z.string()),
    permissions: z.array(z.string()),
    tenants: z.array(z.object({ id: z.string(), name: z.string() })),
  }),
  problems,
});

const approve = defineRoute({
  method: 'POST',
  path: '/oidc/device-approval/approve',
  summary: 'Lets the device in that shows this code',
  access: { kind: 'authenticated' },
  body: z.strictObject({ userCode, tenantId: z.string().min(1).max(63).optional() }),
  status: 204,
  problems: [...problems, 'not_a_member', 'tenant_choice_needed', 'tenant_needs_second_factor'],
});

const deny = defineRoute({
  method: 'POST',
  path: '/oidc/device-approval/deny',
  summary: 'Turns the device away that shows this code',
  access: { kind: 'authenticated' },
  body: z.strictObject({ userCode }),
  status: 204,
  problems,
});

/** The page `/device` talks to these. The code is typed each time: a link alone never approves anything. */
@Controller()
export class DeviceApprovalController {
  constructor(@Inject(DeviceApprovals) private readonly approvals: DeviceApprovals) {}

  @Route(lookup)
  lookup(@Input() { body }: InputOf<typeof lookup>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    ownPageOnly(request);
    return this.approvals.lookup(request, caller, body.userCode);
  }

  @Route(approve)
  async approve(@Input() { body }: InputOf<typeof approve>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    ownPageOnly(request);
    await this.approvals.approve(request, caller, body.userCode, body.tenantId);
  }

  @Route(deny)
  async deny(@Input() { body }: InputOf<typeof deny>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    ownPageOnly(request);
    await this.approvals.deny(request, caller, body.userCode);
  }
}
