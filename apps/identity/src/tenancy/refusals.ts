import { type BaseProblemCode, defineProblems, type ProblemDefinition } from '@gatehouse/http';
import { Refusal } from '../refusal.js';

const ownProblems = {
  tenant_id_taken: { status: 409, title: 'This id is taken; ids are never used twice' },
  organization_limit: { status: 409, title: 'The person owns as many organizations as anybody may' },
  tenant_closed: { status: 409, title: 'The tenant is closed' },
  personal_workspace: { status: 409, title: 'A personal workspace has one member and stays as long as that person' },
  last_owner: { status: 409, title: 'A tenant keeps at least one owner' },
  already_member: { status: 409, title: 'This person is a member already' },
  role_above_own: { status: 403, title: 'Nobody gives, takes or touches a role above his own' },
  person_required: { status: 403, title: 'Only a person can do this' },
  invitation_invalid: { status: 404, title: 'The invitation is not valid' },
  invitation_limit: { status: 429, title: 'The tenant has sent as many invitations as it may in a day' },
  team_id_taken: { status: 409, title: 'The tenant has or had a team of this id; ids are never used twice' },
  project_id_taken: { status: 409, title: 'The tenant has or had a project of this id; ids are never used twice' },
  tenancy_limit: { status: 409, title: 'The tenant has as many of these as it may' },
} as const satisfies Record<string, ProblemDefinition>;

defineProblems(ownProblems);

export type TenancyRefusal = keyof typeof ownProblems | Extract<BaseProblemCode, 'not_found' | 'stale_revision'>;

/** An expected "no" of this area. */
export const refusal = (code: TenancyRefusal): Refusal<TenancyRefusal> => new Refusal(code);
