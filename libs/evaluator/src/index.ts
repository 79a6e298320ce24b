export { type BuiltinRoleName, builtinRoleNames, builtinRoles } from './builtin-roles.js';
export { type CompiledPolicy, compile, PolicyError, policyErrors, policyLimits } from './compile.js';
export { type Decision, type DecisionFacts, evaluate } from './evaluate.js';
export { GrantIndex } from './grant-index.js';
export { GroupIndex } from './group-index.js';
export type {
  Attributes,
  Decision as BareDecision,
  Entity as EvaluatorEntity,
  FactChange,
  FieldError,
  Grant,
  MatchedRule,
  Needed,
  Parsed,
  PolicyDocument,
  Reason,
  Request,
  Resource,
  Role,
  Rule,
  Scope,
  Subject,
  TenantFacts,
} from './model.js';
export { maxMatched } from './model.js';
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
