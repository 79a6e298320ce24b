export {
  type Access,
  type AccessDecision,
  AUTHENTICATE,
  AUTHORIZE,
  type Authenticate,
  type Authorize,
  type Noted,
  type Principal,
} from './access.js';
export { answerParts, type FailedPart, failedPart, type Part } from './answer-parts.js';
export { type Certificate, type CertificateFiles, readCertificate, watchCertificate } from './certificate.js';
export { type AppOptions, createApp, listRoutes } from './create-app.js';
export { type MapError, toProblem } from './error-mapping.js';
export { Readiness, type ReadinessCheck, type ReadinessReport } from './health.js';
export { networkOf } from './network-of.js';
export { type OpenApiDocument, openApiDocument } from './openapi.js';
export {
  allProblems,
  type BaseProblemCode,
  defineProblems,
  type FieldError,
  type ProblemDefinition,
  type ProblemDocument,
  ProblemError,
  type ProblemOptions,
  problemDocument,
  problemHeaders,
  unavailable,
} from './problem.js';
export { type ReadVerb, vaultVerbs } from './read-verbs.js';
export type { HttpRequest } from './request.js';
export {
  Caller,
  DecisionId,
  defineRoute,
  type ErrorForm,
  Input,
  ROUTE_SPEC,
  Route,
  type RouteMethod,
  type RouteSpec,
} from './route.js';
export type { InputOf, ValidInput } from './route-input.js';
export type { ListedRoute } from './route-table.js';
export { SECURITY_HEADERS } from './security-headers.js';
export { JSON_CONTENT_TYPE, PROBLEM_CONTENT_TYPE } from './send-problem.js';
export { serveRoute } from './serve-route.js';
