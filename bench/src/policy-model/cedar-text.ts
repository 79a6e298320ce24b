/**
 * A hundred Cedar policies of the kinds that people write: a role in a department, a group on a folder, an owner, a forbid without a
 * second factor or from elsewhere, a time of day. Each speaks of one of 20 actions, ten of all.
 */
export function hundredPolicies(): string {
  const policies = Array.from({ length: 90 }, (_, i) => kinds[i % kinds.length]?.(`document.do${i % 20}`, i) ?? '');
  const guards = Array.from(
    { length: 10 },
    (_, i) => `forbid(principal, action, resource) when { resource has quarantine && resource.quarantine == ${i} };`,
  );
  return [...policies, ...guards].join('\n');
}

const kinds: readonly ((action: string, i: number) => string)[] = [
  (action, i) => `permit(principal in role::"role${i % 10}", action == Action::"${action}", resource is document);`,
  (action) =>
    `permit(principal is user, action == Action::"${action}", resource is document) when { principal has department && resource has department && principal.department == resource.department };`,
  (action, i) =>
    `permit(principal in team::"t${i % 7}", action == Action::"${action}", resource in folder::"f${i % 5}");`,
  (action) =>
    `permit(principal, action in [Action::"${action}", Action::"document.do0"], resource) when { resource has owner && resource.owner == principal };`,
  (action) =>
    `forbid(principal, action == Action::"${action}", resource) unless { context has ip && ip(context.ip).isInRange(ip("10.0.0.0/8")) };`,
  (action, i) =>
    `permit(principal, action == Action::"${action}", resource) when { ["d1", "d2", "d3"].contains(principal.department) && context.risk < ${i} };`,
  (action) =>
    `forbid(principal, action == Action::"${action}", resource) when { context.now.toTime() < duration("1m") && !(principal.id like "admin*") };`,
];
