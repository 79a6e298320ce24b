import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { suspectOf, suspectParameters } from '../disclosure/suspect-input.js';
import { Rotating } from './rotating.service.js';

const rotate = defineRoute({
  method: 'POST',
  path: '/api/v1/vault/rotations',
  summary: 'Replaces the secrets that an identity was given and that are in use, where a new value can be made here',
  access: { kind: 'action', action: 'audit.read', resource: 'tenant/disclosures' },
  body: z.strictObject({ ...suspectParameters, dry_run: z.boolean().default(false) }),
  response: z.object({
    secrets: z.array(
      z.object({
        path: z.string(),
        outcome: z.enum(['rotated', 'would_rotate', 'needs_value', 'refused', 'changed_meanwhile']),
        version: z.int(),
      }),
    ),
    /** There are more: the same call goes on. */
    more: z.boolean(),
  }),
  timeoutMs: 60_000,
});

/** Who may see what was given to whom may ask; each secret is then a decision of its own, about reading its metadata and writing it. */
@Controller()
export class RotationController {
  constructor(@Inject(Rotating) private readonly rotating: Rotating) {}

  @Route(rotate)
  rotate(@Input() { body }: InputOf<typeof rotate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.rotating.rotate({ caller, request }, suspectOf(body), body.dry_run);
  }
}
