import { grantKeys } from '@gatehouse/contracts';
import { defineRoute, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import type { GrantKeys } from './grant-keys.js';

export const GRANT_KEYS = Symbol('registry.grant-keys');

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/devices/grant-keys',
  summary: 'The public keys that grants are signed with; the first one signs',
  access: { kind: 'authenticated', anyScope: true },
  response: grantKeys.response,
});

@Controller()
export class GrantKeyController {
  constructor(@Inject(GRANT_KEYS) private readonly keys: GrantKeys) {}

  @Route(list)
  list() {
    return { keys: this.keys.told };
  }
}
