import { type EntityUidJson, preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { AccessModel, Check } from './access-model.js';

const uid = (type: string, id: string): EntityUidJson & { type: string; id: string } => ({ type, id });
const listed = (actions: readonly string[]): string => actions.map((action) => `Action::"${action}"`).join(', ');

const policiesOf = ({ roles }: AccessModel): string =>
  roles
    .map(
      ({ name, everywhere, ownDepartment }) => `
permit (principal in Role::"${name}", action in [${listed(everywhere)}], resource);
permit (principal in Role::"${name}", action in [${listed(ownDepartment)}], resource)
when { principal.department == resource.department };`,
    )
    .join('\n');

/** Policies are parsed once; with each call go only the entities it needs. */
export function cedarWasm(model: AccessModel, name: string): (check: Check) => boolean {
  const { users, resources } = model;
  const parsed = preparsePolicySet(name, { staticPolicies: policiesOf(model) });
  if (parsed.type !== 'success') throw new Error('the policies are not understood');
  const people = new Map(
    users.map(({ id, department, roles }) => [
      id,
      { uid: uid('User', id), attrs: { department }, parents: roles.map((role) => uid('Role', role)) },
    ]),
  );
  const documents = new Map(
    resources.map(({ id, department }) => [id, { uid: uid('Document', id), attrs: { department }, parents: [] }]),
  );
  return ({ user, resource, action }) => {
    const person = people.get(users[user]?.id ?? '');
    const document = documents.get(resources[resource]?.id ?? '');
    if (!person || !document) return false;
    const answer = statefulIsAuthorized({
      principal: person.uid,
      action: uid('Action', action),
      resource: document.uid,
      context: {},
      preparsedPolicySetId: name,
      entities: [person, document],
    });
    return answer.type === 'success' && answer.response.decision === 'allow';
  };
}
