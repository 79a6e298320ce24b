import type { PolicyDocument, Role } from '@gatehouse/evaluator';
import {
  Caller,
  defineProblems,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { commandContext, PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { roleName } from '../../grant/grant.controller.js';
import { Activating } from '../../version/activate-version/activating.service.js';
import { Drafting } from '../../version/draft-version/drafting.service.js';
import type { VersionContent } from '../../version/version-text.js';
import { readVersion } from '../../version/version-texts.js';
import { builtinPolicy, roleNames } from '../roles.js';
import { withoutRole, withRole } from './edit-role.js';

defineProblems({
  role_built_in: { status: 409, title: 'The built-in roles are the same for everybody and cannot be changed' },
});

const path = '/api/v1/policy/roles/:name';
const access = { kind: 'action', action: 'policy.write', resource: 'policy/roles' } as const;
const params = z.object({ name: roleName });
const headers = z.object({
  'if-match': z.string().describe('"<digest>" of the version that was read: the active one'),
});
const problems = ['role_built_in', 'stale_revision', 'policy_invalid', 'too_many_drafts'] as const;

const put = defineRoute({
  method: 'PUT',
  path,
  summary: 'Drafts a version of the active policy with this role; it decides when it is activated',
  access,
  params,
  headers,
  // The shape of a role is that of a policy.
  body: z.strictObject({
    description: z.string().max(2_000).optional(),
    inherits: z.array(roleName).max(256).optional(),
    rules: z.array(z.unknown()).max(256),
  }),
  status: 201,
  problems,
});
const remove = defineRoute({
  method: 'DELETE',
  path,
  summary: 'Drafts a version of the active policy without this role; it decides when it is activated',
  access,
  params,
  headers,
  status: 201,
  problems: [...problems, 'not_found'],
});

@Controller()
export class EditRoleController {
  constructor(
    @Inject(Activating) private readonly activating: Activating,
    @Inject(Drafting) private readonly drafting: Drafting,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(put)
  put(
    @Input() { params: { name }, body }: InputOf<typeof put>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const role = { ...body, name } as Role;
    return this.edit(name, caller, request, ({ document }) => withRole(document, role));
  }

  @Route(remove)
  remove(
    @Input() { params: { name } }: InputOf<typeof remove>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    return this.edit(name, caller, request, ({ document }) => {
      const without = withoutRole(document, name);
      if (!without) throw new ProblemError('not_found', 'The active policy has no such role');
      return without;
    });
  }

  private async edit(
    name: string,
    caller: Principal,
    request: HttpRequest,
    change: (content: VersionContent) => PolicyDocument,
  ) {
    if ((roleNames as readonly string[]).includes(name)) throw new ProblemError('role_built_in');
    const { active } = await this.activating.state(caller.tenantId);
    const basedOn = active ?? builtinPolicy.digest;
    if (digestInIfMatch(request) !== basedOn)
      throw new ProblemError('stale_revision', 'Another version is active than the one you read');
    const content = await readVersion(this.platform.database.source, caller.tenantId, active);
    const { actions, tests } = content;
    const context = commandContext(request, caller, Date.now());
    const value = { ...change(content), actions };
    const drafted = await this.drafting.draft({ value, tests, title: `role ${name}` }, context);
    return { ...drafted, basedOn };
  }
}

function digestInIfMatch(request: HttpRequest): string {
  const digest = /^"(sha256:[0-9a-f]{64})"$/.exec(request.headers['if-match'] ?? '')?.[1];
  if (digest !== undefined) return digest;
  throw new ProblemError('validation_failed', undefined, {
    errors: [{ path: 'headers.if-match', message: 'is not the digest of a version in quotation marks' }],
  });
}
