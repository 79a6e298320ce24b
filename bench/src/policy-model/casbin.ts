import { newEnforcer, newModelFromString } from 'casbin';
import { type AccessModel, type Check, resourceType } from './access-model.js';

const model = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = role, act, where
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && g(r.sub.id, p.role) && (p.where == "everywhere" || r.sub.department == r.obj.department)
`;

/** Its sync enforcer. Attributes are looked up by the caller and come with the request, as casbin wants it. */
export async function casbin({ users, resources, roles }: AccessModel): Promise<(check: Check) => boolean> {
  const enforcer = await newEnforcer(newModelFromString(model));
  await enforcer.addPolicies(
    roles.flatMap(({ name, everywhere, ownDepartment }) => [
      ...everywhere.map((action) => [name, action, 'everywhere']),
      ...ownDepartment.map((action) => [name, action, 'own']),
    ]),
  );
  await enforcer.addGroupingPolicies(users.flatMap(({ id, roles: of }) => of.map((role) => [id, role])));
  await enforcer.buildRoleLinks();
  const people = new Map(users.map(({ id, department }) => [id, { id, department }]));
  const documents = new Map(resources.map(({ id, department }) => [id, { type: resourceType, id, department }]));
  return ({ user, resource, action }) =>
    enforcer.enforceSync(people.get(users[user]?.id ?? ''), documents.get(resources[resource]?.id ?? ''), action);
}
