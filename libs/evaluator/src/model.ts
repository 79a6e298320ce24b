/** Who asks to act: AuthZEN's subject, a person, service or device of one tenant. */
export interface Subject {
  readonly type: string;
  readonly id: string;
}

/** What is acted on. `type` holds no slash; `id` may be a path. A scope word such as `production` has type `scope`. */
export interface Resource {
  readonly type: string;
  readonly id: string;
}

/** One question. Its shape is that of an AuthZEN evaluation, less the members no rule reads yet. */
export interface Request {
  readonly subject: Subject;
  readonly action: { readonly name: string };
  readonly resource: Resource;
}

/** Where a role holds: `*` in the whole tenant, else on exactly this resource. */
export type Scope = '*' | Resource;

/** A fact: `subject` holds `role` on `scope`. `id` is unique within its tenant. */
export interface Grant {
  readonly id: string;
  readonly subject: Subject;
  readonly role: string;
  readonly scope: Scope;
}

/**
 * Permits or forbids actions, on all resources if `resources` is absent.
 * Action patterns: `deploy.production`, `deploy.*` (all below `deploy`), `*`.
 * Resource patterns: `project/app-web`, `production` (that scope), `project/*`, `secret/staging/*`, `*`.
 */
export interface Rule {
  readonly effect: 'permit' | 'forbid';
  readonly actions: readonly string[];
  readonly resources?: readonly string[];
}

export interface Role {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** `digest` names the exact text of the roles in evidence; whoever stores the policy computes it. */
export interface Policy {
  readonly digest: string;
  readonly roles: readonly Role[];
}

/** Rule number `rule` (from 0) of `role` applied, because of `grant`. */
export interface MatchedRule {
  readonly effect: 'permit' | 'forbid';
  readonly role: string;
  readonly rule: number;
  readonly grant: string;
}

/**
 * - `permitted`: a permit matched and no forbid did
 * - `forbidden`: a forbid matched, whatever else did
 * - `no_permit`: the subject has grants in the tenant, and none permits this
 * - `no_grant`: neither the subject nor a group of it has a grant in the tenant
 * - `out_of_scope`: the credential is limited to other actions, whatever its principal may
 */
export type Reason = 'permitted' | 'forbidden' | 'no_permit' | 'no_grant' | 'out_of_scope';

/**
 * The answer and its evidence. `matched` has the forbids first, then the order of grant id, role and rule, and at most
 * {@link maxMatched} entries. `needed`, on a default deny, names the roles of the policy that would have permitted.
 */
export interface Decision {
  readonly decision: boolean;
  readonly reason: Reason;
  readonly matched: readonly MatchedRule[];
  readonly needed?: readonly string[];
}

/** A decision is one event of bounded size: enough evidence to explain it, not every of thousands of grants. */
export const maxMatched = 16;

/** What is wrong with one member of untyped input; `path` is dotted, empty for the whole. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Untyped input made typed, or all that is wrong with it. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly FieldError[] };
