import { builtinRoles } from '@gatehouse/evaluator';
import { defineRoute, Route } from '@gatehouse/http';
import { Controller } from '@nestjs/common';
import { builtinPolicy } from './roles.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/roles',
  summary: 'Shows the access matrix: every role with its rules',
  access: { kind: 'action', action: 'policy.read', resource: 'service/policy' },
});

@Controller()
export class RoleController {
  @Route(list)
  list() {
    return { digest: builtinPolicy.digest, roles: builtinRoles };
  }
}
