import type {
  Envelope,
  LeaseAdopted,
  LeaseIssued,
  LeaseRequested,
  LeaseRevocationReason,
  LeaseRevocationStarted,
} from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** What stays the same over a lease's life. Times are Unix milliseconds by the clock of the target database. */
export interface LeaseTerms {
  readonly leaseId: string;
  readonly database: string;
  readonly role: string;
  readonly username: string;
  readonly maxUntil: number;
  readonly holder?: string | undefined;
}

interface Standing {
  readonly terms: LeaseTerms;
  /** When the credential ends, as far as the log knows. */
  readonly validUntil: number;
  /** When this state began, by the vault's own clock. */
  readonly since: number;
}

export type Lease =
  | { readonly status: 'none' }
  /** The intent is recorded; whether the role exists is not known. */
  | ({ readonly status: 'requested' } & Standing)
  | ({ readonly status: 'active' } & Standing)
  | ({ readonly status: 'renewing'; readonly renewUntil: number } & Standing)
  | ({ readonly status: 'revoking'; readonly reason: LeaseRevocationReason; readonly alarmed: boolean } & Standing)
  | ({ readonly status: 'revoked' } & Standing)
  /** The role was never made, or was rolled back. */
  | ({ readonly status: 'failed' } & Standing)
  | ({ readonly status: 'abandoned' } & Standing);

export type KnownLease = Exclude<Lease, { status: 'none' }>;
export type LeaseStatus = KnownLease['status'];

/** What still needs the keeper one day. The others have ended. */
export const openStatuses = ['requested', 'active', 'renewing', 'revoking'] as const satisfies readonly LeaseStatus[];

export const isOpen = (lease: Lease): boolean => (openStatuses as readonly string[]).includes(lease.status);

const termsOf = ({
  leaseId,
  database,
  role,
  username,
  maxUntil,
  holder,
}: LeaseRequested | LeaseAdopted): LeaseTerms => ({
  leaseId,
  database,
  role,
  username,
  maxUntil: Date.parse(maxUntil),
  ...(holder !== undefined && { holder }),
});

type Evolve = (lease: KnownLease, event: Envelope, since: number) => KnownLease;

const validUntilOf = ({ data }: Envelope): number => Date.parse((data as LeaseIssued).validUntil);

const active: Evolve = ({ terms }, event, since) => ({
  status: 'active',
  terms,
  validUntil: validUntilOf(event),
  since,
});

/** How each event changes a lease that is known. */
const evolutions: Readonly<Record<string, Evolve>> = {
  'lease.issued': active,
  'lease.renewed': active,
  'lease.term_observed': active,
  'lease.request_failed': ({ terms, validUntil }, _event, since) => ({ status: 'failed', terms, validUntil, since }),
  'lease.renewal_started': ({ terms, validUntil }, event, since) => ({
    status: 'renewing',
    terms,
    validUntil,
    renewUntil: validUntilOf(event),
    since,
  }),
  'lease.revocation_started': ({ terms, validUntil }, { data }, since) => ({
    status: 'revoking',
    terms,
    validUntil,
    reason: (data as LeaseRevocationStarted).reason,
    alarmed: false,
    since,
  }),
  'lease.revocation_failing': (lease) => (lease.status === 'revoking' ? { ...lease, alarmed: true } : lease),
  'lease.revoked': ({ terms, validUntil }, _event, since) => ({ status: 'revoked', terms, validUntil, since }),
  'lease.abandoned': ({ terms, validUntil }, _event, since) => ({ status: 'abandoned', terms, validUntil, since }),
};

export const leaseDecider: Decider<Lease> = {
  initialState: { status: 'none' },
  evolve: (lease, event): Lease => {
    const since = Date.parse(event.occurredAt);
    const { data } = event;
    if (event.type === 'lease.requested' || event.type === 'lease.adopted') {
      const status = event.type === 'lease.requested' ? 'requested' : 'active';
      const begun = data as LeaseRequested | LeaseAdopted;
      return { status, terms: termsOf(begun), validUntil: Date.parse(begun.validUntil), since };
    }
    return lease.status === 'none' ? lease : (evolutions[event.type]?.(lease, event, since) ?? lease);
  },
};

export const leaseStream = (leaseId: string): string => `lease:${leaseId}`;

/** As clients of the dialect name it. */
export const leasePath = ({ role, leaseId }: Pick<LeaseTerms, 'role' | 'leaseId'>): string =>
  `database/creds/${role}/${leaseId}`;
