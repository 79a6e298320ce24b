import type { Grant, Subject, TenantFacts } from '@gatehouse/evaluator';

/**
 * The facts as they would be without some grants. Whoever belongs to the organization only by such a grant belongs to it no more,
 * and holds no more what it holds.
 */
export function withoutGrants(facts: TenantFacts, tenantId: string, revoked: ReadonlySet<string>): TenantFacts {
  const leaves = (subject: Subject): boolean => {
    const whole = facts.held(subject).filter((grant) => grant.scope === '*' && isSame(grant.subject, subject));
    return whole.length > 0 && whole.every(({ id }) => revoked.has(id));
  };
  const kept = (grants: readonly Grant[], subject: Subject): readonly Grant[] => {
    const hasLeft = leaves(subject);
    return grants.filter((grant) => !revoked.has(grant.id) && !(hasLeft && isOrganization(grant.subject, tenantId)));
  };
  const covering: TenantFacts['covering'] = (subject, resource) => kept(facts.covering(subject, resource), subject);
  return {
    covering,
    about: (subject, resource) => ({ ...facts.about(subject, resource), covering: covering(subject, resource) }),
    held: (subject) => kept(facts.held(subject), subject),
    groups: (subject) => {
      const groups = facts.groups(subject);
      return leaves(subject) ? groups.filter((group) => !isOrganization(group, tenantId)) : groups;
    },
    entity: (of) => facts.entity(of),
    ancestors: (of) => facts.ancestors(of),
    isRelated: (subject, relation, resource) => facts.isRelated(subject, relation, resource),
    grantsOn: (scope) => [...facts.grantsOn(scope)].filter(({ id }) => !revoked.has(id)),
    members: (group) => facts.members(group),
    children: (of) => facts.children(of),
    owned: (by) => facts.owned(by),
    subjectIds: (type) => facts.subjectIds(type),
    resourceIds: (type) => facts.resourceIds(type),
  };
}

const isSame = (a: Subject, b: Subject): boolean => a.type === b.type && a.id === b.id;
const isOrganization = ({ type, id }: Subject, tenantId: string): boolean => type === 'org' && id === tenantId;
