export { type BuiltinRoleName, builtinRoleNames, builtinRoles } from './builtin-roles.js';
export { type CompiledPolicy, compile, PolicyError, policyErrors, policyLimits } from './compile.js';
export { evaluate } from './evaluate.js';
export { GrantIndex } from './grant-index.js';
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
