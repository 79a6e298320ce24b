export { type BuiltinRoleName, builtinRoleNames, builtinRoles } from './builtin-roles.js';
export { resourceCandidates, subjectCandidates } from './candidates.js';
export { type CompiledCedar, cedarErrors, compileCedar } from './cedar/compile-cedar.js';
export { type ParsedPolicy as ParsedCedarPolicy, parseCedarText } from './cedar/parse-text.js';
export { isWithinCeiling } from './ceiling.js';
export { type CompiledPolicy, compile } from './compile.js';
export { evaluate } from './evaluate.js';
export { FactHistory } from './facts/fact-history.js';
export { LiveFacts } from './facts/live-facts.js';
export { knownActions, ownActions } from './known-actions.js';
export type {
  AccessRule,
  Attributes,
  CedarRule,
  Condition,
  Decision,
  Effect,
  Entity as EvaluatorEntity,
  EntityFacts,
  FactChange,
  FieldError,
  Grant,
  LabelSelector,
  Labels,
  MatchedRule,
  Needed,
  Obligation,
  ObligationRule,
  Operand,
  Parsed,
  PolicyDocument,
  PolicyRule,
  RateLimitRule,
  Reason,
  Relationship,
  Request,
  Resource,
  Role,
  Rule,
  Scope,
  SelectorRule,
  Subject,
  TenantFacts,
  Test,
  Value,
  What,
  Who,
} from './model.js';
export { closedTypes, factLimits, maxMatched } from './model.js';
export { needed } from './needed.js';
export {
  formatResource,
  formatScope,
  isPrintable,
  limits,
  parseActionName,
  parseResource,
  parseScope,
  parseSubject,
} from './parse.js';
export { parseRequest, requestParser } from './parse-request.js';
export {
  actionPattern,
  containsText,
  matchesText,
  overlapsText,
  type ResourcePattern,
  resourcePattern,
  type TextPattern,
} from './pattern.js';
export { PolicyError, policyErrors, policyLimits } from './policy-errors.js';
export { type RecordedPart, recordedPart } from './recorded-part.js';
export { isWithinScopes } from './scopes.js';
export { searchActions, searchResources, searchSubjects } from './search.js';
