export { type BuiltinRoleName, builtinRoleNames, builtinRoles } from './builtin-roles.js';
export { type CompiledPolicy, compile, PolicyError, policyErrors, policyLimits } from './compile.js';
export { type DecisionFacts, evaluate } from './evaluate.js';
export { GrantIndex } from './grant-index.js';
export { GroupIndex } from './group-index.js';
export * from './model.js';
export {
  formatResource,
  formatScope,
  limits,
  parseActionName,
  parseRequest,
  parseResource,
  parseScope,
  parseSubject,
} from './parse.js';
export { isWithinScopes } from './scopes.js';
