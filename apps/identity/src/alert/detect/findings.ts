import { createHash } from 'node:crypto';
import {
  type AlertKind,
  type AlertSubject,
  type ObservedRefusal,
  type ObserveRequest,
  type SignInFailed,
  tenantIdPattern,
} from '@gatehouse/contracts';

/** Something that counts towards an alert of one tenant. */
export interface Finding {
  readonly tenantId: string;
  readonly kind: AlertKind;
  readonly subject: AlertSubject;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
}

/** Whose a key is. */
export interface KeyOwner {
  readonly tenantId: string;
  readonly principal: { readonly type: string; readonly id: string };
}

/** What the reason of a failed sign-in to a known account begins with. */
const signInReason = 'sign_in';

/** A wrapped answer could not be read by who came for it. */
const unwrapReason = 'unwrap';

/** Nobody tried anything: no credential was shown, or we could not read one yet. */
const harmless: ReadonlySet<string> = new Set(['missing', 'not_ready']);

const installation: AlertSubject = { type: 'installation', id: 'gatehouse' };

/** What one refusal counts towards; undefined for what says nothing about anybody. */
export function findingOf(
  refusal: ObservedRefusal,
  ownerOf: (keyId: string) => KeyOwner | undefined,
  operatorTenant: string,
): Finding | undefined {
  const about = aboutOf(refusal, ownerOf, operatorTenant);
  if (!about || !tenantIdPattern.test(about.tenantId)) return undefined;
  const { count, firstAt, lastAt } = refusal;
  return { ...about, count, firstAt, lastAt };
}

type About = Pick<Finding, 'tenantId' | 'kind' | 'subject'>;

function aboutOf(
  { status, reason, keyId, tenantId, principal }: ObservedRefusal,
  ownerOf: (keyId: string) => KeyOwner | undefined,
  operatorTenant: string,
): About | undefined {
  if (harmless.has(reason)) return undefined;
  const owner = keyId === undefined ? undefined : ownerOf(keyId);
  if (status === 403) {
    const [where, who] = [tenantId ?? owner?.tenantId, principal ?? owner?.principal];
    return where && who ? { tenantId: where, kind: 'denied_principal', subject: who } : undefined;
  }
  if (reason.startsWith(signInReason))
    return tenantId && principal ? { tenantId, kind: 'failed_sign_ins', subject: principal } : undefined;
  if (reason === unwrapReason)
    return tenantId && principal ? { tenantId, kind: 'failed_unwrap', subject: principal } : undefined;
  if (keyId !== undefined && owner) {
    const kind = reason === 'rotated' ? 'rotated_key_used' : 'refused_key';
    return { tenantId: owner.tenantId, kind, subject: { type: 'key', id: keyId } };
  }
  if (tenantId !== undefined)
    return { tenantId, kind: 'refused_key', subject: principal ?? { type: 'tenant', id: tenantId } };
  return { tenantId: operatorTenant, kind: 'unknown_callers', subject: installation };
}

/**
 * By what a row is known again. A report that a service could not hand over comes again with what happened since: the same
 * beginning, and a count that holds the earlier one. So neither the count nor the end belong to it.
 */
export const fingerprintOf = (service: string, row: ObservedRefusal): Buffer => {
  const { status, reason, tenantId, keyId, principal, ip, firstAt } = row;
  const facts = [service, status, reason, tenantId, keyId, principal?.type, principal?.id, ip, firstAt];
  return createHash('sha256').update(JSON.stringify(facts)).digest();
};

const nameOf = ({ kind, subject }: Finding): string => JSON.stringify([kind, subject.type, subject.id]);

/** One finding per kind and subject, in an order that two replicas share: their locks are taken in it. */
export function mergeFindings<F extends Finding>(findings: readonly F[]): readonly F[] {
  const merged = new Map<string, F>();
  for (const finding of findings) {
    const before = merged.get(nameOf(finding));
    merged.set(nameOf(finding), before ? sumOf(before, finding) : finding);
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, finding]) => finding);
}

const sumOf = <F extends Finding>(a: F, b: F): F => ({
  ...a,
  count: a.count + b.count,
  firstAt: earliest(a.firstAt, b.firstAt),
  lastAt: latest(a.lastAt, b.lastAt),
});

const latest = (...times: readonly string[]): string => times.reduce((a, b) => (Date.parse(b) > Date.parse(a) ? b : a));
const earliest = (...times: readonly string[]): string =>
  times.reduce((a, b) => (Date.parse(b) < Date.parse(a) ? b : a));

/** Failed sign-ins to one account, as a report of this service itself: `tenantId` is the home of the person. */
export const failedSignIns = (
  tenantId: string,
  userId: string,
  { reason, count, firstAt, lastAt }: SignInFailed,
): ObserveRequest => ({
  service: 'identity',
  uses: [],
  refusals: [
    {
      status: 401,
      reason: `${signInReason}:${reason}`,
      ...{ tenantId, principal: { type: 'user', id: userId } },
      ...{ ip: '', count, firstAt, lastAt },
    },
  ],
});
