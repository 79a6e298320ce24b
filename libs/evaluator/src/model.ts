/** A value of JSON: what attributes are made of. */
export type Value = null | boolean | number | string | readonly Value[] | Attributes;
export type Attributes = { readonly [name: string]: Value };

/** Anything that has a type and a name: who asks, what is acted on, a team, a project. */
export interface Entity {
  readonly type: string;
  readonly id: string;
}

/** Who asks to act: AuthZEN's subject, a person, service or device. */
export type Subject = Entity;

/** What is acted on. `type` holds no slash; `id` may be a path. A scope word such as `production` has type `scope`. */
export type Resource = Entity;

/** One question: AuthZEN's evaluation. Properties given here win over those that are known as facts. */
export interface Request {
  readonly subject: Subject & { readonly properties?: Attributes };
  readonly action: { readonly name: string; readonly properties?: Attributes };
  readonly resource: Resource & { readonly properties?: Attributes };
  readonly context?: Attributes;
}

// ---- facts ------------------------------------------------------------------------------------------------------

/** Where a role holds: `*` in the whole tenant, else on this resource and on what lies below it. */
export type Scope = '*' | Resource;

/** A fact: `subject` holds `role` on `scope`. `id` is unique within its tenant. Sharing a resource is a grant on it. */
export interface Grant {
  readonly id: string;
  readonly subject: Subject;
  readonly role: string;
  readonly scope: Scope;
}

export type Labels = { readonly [key: string]: string };

/** What is known of one subject or resource. */
export interface EntityFacts {
  readonly entity: Entity;
  readonly labels: Labels;
  readonly properties: Attributes;
  /** What contains it: a grant on a container holds for everything below. */
  readonly parents: readonly Entity[];
  /** Holds the role `owner` on it and on what lies below. An `org` owner is the tenant itself and adds nothing. */
  readonly owner?: Subject;
}

/** A fact: `subject` is for instance `assignee` of `resource`. */
export interface Relationship {
  readonly subject: Subject;
  readonly relation: string;
  readonly resource: Resource;
}

/** One change of the facts of one tenant. Each may come twice: a change that is already so changes nothing. */
export type FactChange =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | { readonly kind: 'revoked'; readonly grantId: string }
  | { readonly kind: 'joined' | 'left'; readonly group: Subject; readonly member: Subject }
  | { readonly kind: 'described'; readonly facts: EntityFacts }
  | { readonly kind: 'forgotten'; readonly entity: Entity }
  | { readonly kind: 'related' | 'unrelated'; readonly relationship: Relationship };

/** What a decision about one pair reads first. */
export interface About {
  /** See {@link TenantFacts.covering}. */
  readonly covering: readonly Grant[];
  readonly subject: EntityFacts | undefined;
  readonly resource: EntityFacts | undefined;
}

/**
 * What a decision reads: the facts of one tenant at one moment. The lists that are answered never change. Live facts
 * and facts of the past (see `FactHistory`) both have this shape.
 */
export interface TenantFacts {
  /** Grants of the subject itself, of its groups, and of the organizations it belongs to. */
  held(subject: Subject): readonly Grant[];
  /** Those of `held` whose scope covers the resource, and `owner` where the subject (or a group of it) owns it or what contains it. */
  covering(subject: Subject, resource: Resource): readonly Grant[];
  /** Its teams, and `org/<tenant>` for each organization it belongs to. */
  groups(subject: Subject): readonly Subject[];
  /** `covering` and both `entity` in one look. */
  about(subject: Subject, resource: Resource): About;
  entity(of: Entity): EntityFacts | undefined;
  /** Everything that contains it, nearest first, itself left out; see {@link factLimits}. */
  ancestors(of: Resource): readonly Entity[];
  isRelated(subject: Subject, relation: string, resource: Resource): boolean;
  /** Grants on exactly this scope. For searches, as are the three that follow. */
  grantsOn(scope: Scope): Iterable<Grant>;
  members(group: Subject): Iterable<Subject>;
  /** What it contains directly. */
  children(of: Entity): Iterable<Entity>;
  owned(by: Subject): Iterable<Entity>;
  /** Every known name of a type, as subject (holds a grant, is in a group, is described, is related, owns), sorted. */
  subjectIds(type: string): readonly string[];
  /** The same for resources: scope of a grant, described, container of something, end of a relationship. */
  resourceIds(type: string): readonly string[];
}

/**
 * Types of Gatehouse's own resources: an owner or container described of one is not read, or whoever may describe
 * entities would make himself owner of `role/owner`.
 */
export const closedTypes: ReadonlySet<string> = new Set(['tenant', 'role', 'service', 'policy', 'user']);

/** Bounds of facts; a chain of containers that is longer or a cycle ends there. */
export const factLimits = { labels: 64, parents: 16, ancestors: 64, propertiesChars: 8_192 } as const;

// ---- policies ---------------------------------------------------------------------------------------------------

export type Effect = 'permit' | 'forbid';

/** A scalar, or another attribute: `{path: 'subject.department'}`. */
export type Operand = null | boolean | number | string | { readonly path: string };

/**
 * What must hold of one attribute; several members must all hold. A bare operand means `eq`.
 * `exists` is never unknown; everything else is unknown when the attribute is missing or of another type.
 */
export type Test =
  | Operand
  | {
      readonly eq?: Operand;
      readonly not?: Operand;
      readonly in?: readonly Operand[];
      readonly lt?: Operand;
      readonly lte?: Operand;
      readonly gt?: Operand;
      readonly gte?: Operand;
      /** Text begins with. */
      readonly prefix?: Operand;
      /** A list has this element. */
      readonly contains?: Operand;
      /** An address lies in this network, for instance `10.0.0.0/8`. */
      readonly cidr?: string;
      readonly exists?: boolean;
    };

/**
 * All members must hold. A key is `all`, `any` or `not`, or else the path of an attribute: `subject.`, `action.`,
 * `resource.`, `context.` and the name of a property (deeper by dots); `subject.id`, `subject.type`, `resource.id`,
 * `resource.type`, `action.name`, `resource.owner`, `subject.labels.<key>`, `resource.labels.<key>`; `time.now` (RFC 3339), `time.date`, `time.hour`,
 * `time.weekday` (1 Monday to 7 Sunday), all in UTC.
 */
export interface Condition {
  readonly all?: readonly Condition[];
  readonly any?: readonly Condition[];
  readonly not?: Condition;
  readonly [path: string]: Test | Condition | readonly Condition[] | undefined;
}

/**
 * Permits or forbids actions, on all resources if `resources` is absent.
 * Action patterns: `deploy.production`, `deploy.*` (all below), `*.read` (all that end so), `*`.
 * Resource patterns: `project/app-web`, `production` (that scope), `project/*`, `secret/staging/*`, `*`.
 */
export interface Rule {
  readonly effect: Effect;
  readonly actions: readonly string[];
  readonly resources?: readonly string[];
  readonly when?: Condition;
}

export interface Role {
  readonly name: string;
  readonly description?: string;
  /** Roles whose rules this one has too. */
  readonly inherits?: readonly string[];
  readonly rules: readonly Rule[];
}

/** Each key must be present with one of the values; `*` is any value. */
export type LabelSelector = { readonly [key: string]: string | readonly string[] };

/** All members that are given must hold; a list holds when one of its entries does. At least one is given. */
export interface Who {
  readonly anyone?: true;
  /** Ids of subjects of type `user`. */
  readonly users?: readonly string[];
  /** Patterns as for resources: `service/*`, `user/u_7`. */
  readonly subjects?: readonly string[];
  readonly teams?: readonly string[];
  /** Tenants the subject belongs to. */
  readonly orgs?: readonly string[];
  /** Held on a scope that covers the resource. */
  readonly roles?: readonly string[];
  /** Of the subject. */
  readonly labels?: LabelSelector;
  /** The subject, or a group of it, has one of these relations to the resource. */
  readonly relations?: readonly string[];
}

/** All members that are given must hold; none is every resource. */
export interface What {
  readonly types?: readonly string[];
  readonly resources?: readonly string[];
  readonly labels?: LabelSelector;
}

interface Targeted {
  /** Unique in the policy: it stands in the evidence. */
  readonly id: string;
  readonly description?: string;
  /** Every action if absent. */
  readonly actions?: readonly string[];
  /** One alternative must hold. */
  readonly what?: What | readonly What[];
  readonly when?: Condition;
}

export interface SelectorRule extends Targeted {
  readonly type: 'selector';
  readonly effect: Effect;
  /** One alternative must hold. */
  readonly who: Who | readonly Who[];
}

/**
 * Permits (`allow`) or forbids (`deny`) the subjects whose name matches a pattern: a glob (`*`, `?`, `[a-z]`, `[!x]`), or
 * `regex:` and a regular expression of RE2, on the whole name, letter case left out. A pattern without `/` is matched
 * with the id of subjects of type `user`, one with `/` with `type/id`.
 */
export interface AccessRule extends Targeted {
  readonly type: 'access';
  readonly mode: 'allow' | 'deny';
  readonly patterns: readonly string[];
}

/** Counts permitted requests that it applies to, separately for each user, credential or tenant, or all together. */
export interface RateLimitRule extends Targeted {
  readonly type: 'rate_limit';
  readonly requests_per_period: number;
  readonly period_seconds: number;
  readonly scope: 'per_user' | 'per_key' | 'per_tenant' | 'global';
  /** Requests that may come at once; `requests_per_period` if absent. */
  readonly burst?: number;
  readonly who?: Who | readonly Who[];
}

/** Asks something of whoever enforces the decision, or refuses it (AuthZEN profile "Obligations"). */
export interface ObligationRule extends Targeted {
  readonly type: 'obligation';
  readonly on: Effect | 'any';
  readonly who?: Who | readonly Who[];
  readonly obligation: { readonly type: string; readonly properties?: Attributes };
}

/** Cedar policies, as text. Evidence names each `<id>/<@id annotation or policyN>`. */
export interface CedarRule {
  readonly type: 'cedar';
  readonly id: string;
  readonly description?: string;
  readonly text: string;
}

export type PolicyRule = SelectorRule | AccessRule | RateLimitRule | ObligationRule | CedarRule;

/** A tenant's own policy. It adds to the built-in roles and cannot change them. */
export interface PolicyDocument {
  readonly roles?: readonly Role[];
  readonly rules?: readonly PolicyRule[];
  /** Attributes to record beside those that the rules read, so that a later policy can be tried on the past. */
  readonly record?: readonly string[];
}

// ---- answers ----------------------------------------------------------------------------------------------------

/** Why a rule applied: rule number `rule` (from 0) of `role` because of `grant`, or the rule `policy` of the tenant. */
export type MatchedRule =
  | { readonly effect: Effect; readonly role: string; readonly rule: number; readonly grant: string }
  | { readonly effect: Effect; readonly policy: string };

/**
 * - `permitted`: a permit matched and no forbid did
 * - `forbidden`: a forbid matched, whatever else did
 * - `no_permit`: the subject has grants in the tenant, and nothing permits this
 * - `no_grant`: neither the subject nor a group of it has a grant in the tenant, and nothing permits this
 * - `out_of_scope`: the credential is limited to other actions, whatever its principal may
 * - `rate_limited`: it would be permitted, and has been too often
 */
export type Reason = 'permitted' | 'forbidden' | 'no_permit' | 'no_grant' | 'out_of_scope' | 'rate_limited';

export interface Obligation {
  /** The rule that asks it. */
  readonly id: string;
  readonly type: string;
  readonly properties?: Attributes;
}

/**
 * The answer and its evidence. `matched` has the forbids first, then role rules by grant and rule, then the tenant's rules
 * by name, and at most {@link maxMatched} entries. `limits` are to be consumed by whoever asked, all or none, before a permit
 * counts; `obligations` are ordered by id.
 */
export interface Decision {
  readonly decision: boolean;
  readonly reason: Reason;
  readonly matched: readonly MatchedRule[];
  readonly limits?: readonly RateLimitRule[];
  readonly obligations?: readonly Obligation[];
}

/** What a default deny lacked. */
export interface Needed {
  /** Roles that would have permitted it on a scope that covers the resource. */
  readonly roles: readonly string[];
  /** The tenant's permit rules for this action and resource that did not apply: another subject, or a condition. */
  readonly rules: readonly string[];
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
