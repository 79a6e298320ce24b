import type { ObservedRefusal, ObservedUse, ObserveRequest } from '@gatehouse/contracts';
import { type Pepper, pseudonym } from '@gatehouse/crypto';
import { isTransient, type PostgresEventStore, type Query, StoreUnavailable } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { countFindings, lockTenant, type PlacedFinding } from '../incident/incidents.service.js';
import { readSettings } from '../settings/alert-settings.projection.js';
import { type Finding, findingOf, fingerprintOf, type KeyOwner, mergeFindings } from './findings.js';
import { learnPlaces, placesOf, type Sighting } from './places.service.js';

export interface AlertObserverOptions {
  readonly store: PostgresEventStore;
  /** Connections of the system role. */
  readonly system: pg.Pool;
  readonly subjectKeys: SubjectKeys;
  readonly pepper: Pepper;
  /** Whose alerts are those that belong to no tenant. */
  readonly operatorTenant: string;
  readonly countryOf: (ip: string) => string | undefined;
  readonly onDropped: (error: Error) => void;
}

/** What one report says of one tenant. */
interface Share {
  readonly refusals: { readonly fingerprint: Buffer; readonly finding: Finding }[];
  readonly sightings: Sighting[];
}

const maxRemembered = 20_000;

/**
 * Turns the reports of all services into counts and incidents. One transaction per tenant; what it counted is remembered
 * by its fingerprint, so that a report that comes again counts once.
 */
export class AlertObserver {
  readonly #options: AlertObserverOptions;
  /** Places of keys that are stored: most uses end here. Bounded, oldest out first. */
  readonly #remembered = new Set<string>();

  constructor(options: AlertObserverOptions) {
    this.#options = options;
  }

  /** @throws StoreUnavailable when PostgreSQL is away: the service then reports the same again */
  readonly take = async (report: ObserveRequest): Promise<void> => {
    for (const [tenantId, share] of await this.#split(report)) {
      try {
        await this.#count(tenantId, share);
        for (const sighting of share.sightings) this.#remember(nameOf(sighting));
      } catch (error) {
        // Whatever else fails would fail again, and hold back everything reported after it.
        if (error instanceof StoreUnavailable || isTransient(error)) throw error;
        this.#options.onDropped(error as Error);
      }
    }
  };

  async #split({ service, refusals, uses }: ObserveRequest): Promise<ReadonlyMap<string, Share>> {
    const unseen = uses.flatMap((use) => this.#placesOf(use));
    const owners = await this.#ownersOf([...refusals, ...unseen.map(({ use }) => use)]);
    const shares = new Map<string, Share>();
    const shareOf = (tenantId: string): Share => {
      const share = shares.get(tenantId) ?? { refusals: [], sightings: [] };
      shares.set(tenantId, share);
      return share;
    };
    for (const refusal of refusals) {
      const finding = this.#findingOf(refusal, owners);
      if (finding) shareOf(finding.tenantId).refusals.push({ fingerprint: fingerprintOf(service, refusal), finding });
    }
    for (const sighting of unseen) {
      const owner = owners.get(sighting.use.keyId);
      if (owner) shareOf(owner.tenantId).sightings.push({ ...sighting, owner });
    }
    return shares;
  }

  #findingOf(refusal: ObservedRefusal, owners: ReadonlyMap<string, KeyOwner>): Finding | undefined {
    const { operatorTenant, pepper } = this.#options;
    const finding = findingOf(refusal, (keyId) => owners.get(keyId), operatorTenant);
    if (!finding?.subject.id.includes('@')) return finding;
    return { ...finding, subject: { ...finding.subject, id: pseudonym(pepper, finding.subject.id) } };
  }

  /** Where this process has not seen the key lately. */
  #placesOf(use: ObservedUse): readonly Omit<Sighting, 'owner'>[] {
    return placesOf(use, this.#options.countryOf(use.ip)).filter((place) => !this.#remembered.has(nameOf(place)));
  }

  async #ownersOf(rows: readonly { readonly keyId?: string | undefined }[]): Promise<ReadonlyMap<string, KeyOwner>> {
    const ids = [...new Set(rows.flatMap(({ keyId }) => (keyId === undefined ? [] : [keyId])))];
    if (ids.length === 0) return new Map();
    const { rows: found } = await this.#options.system.query<Record<'key_id' | 'tenant_id' | 'type' | 'id', string>>(
      `select key_id, tenant_id, principal_type as type, principal_id as id from known_keys where key_id = any ($1::uuid[])`,
      [ids],
    );
    return new Map(
      found.map(({ key_id, tenant_id, type, id }) => [key_id, { tenantId: tenant_id, principal: { type, id } }]),
    );
  }

  async #count(tenantId: string, share: Share): Promise<void> {
    const { store, pepper } = this.#options;
    const nowMs = Date.now();
    const sightings = await this.#sealAll(tenantId, share.sightings);
    // COMMIT POINT: counts, fingerprints, alerts and the letters about them. Before it, the report counts when it comes
    // again; after it, not at all.
    await store.together(tenantId, async (log, client) => {
      await lockTenant(client, tenantId);
      const settings = await readSettings(client, tenantId);
      const findings = [
        ...(await freshOf(client, tenantId, share.refusals, nowMs)),
        ...(await learnPlaces(client, pepper, tenantId, sightings, settings, nowMs)),
      ];
      await countFindings({ log, client, tenantId, settings, nowMs }, mergeFindings(findings));
    });
  }

  /** Where a person was is personal: it is sealed. Where a service was is not. */
  async #sealAll(tenantId: string, sightings: readonly Sighting[]): Promise<readonly Sighting[]> {
    const sealed: Sighting[] = [];
    for (const sighting of sightings) {
      const { principal } = sighting.owner;
      if (principal.type !== 'user') sealed.push(sighting);
      else {
        const seal = await this.#options.subjectKeys.sealerFor(tenantId, principal.id).catch(unlessErased);
        if (seal) sealed.push({ ...sighting, sealedPlace: seal('place', sighting.place) });
      }
    }
    return sealed;
  }

  #remember(name: string): void {
    if (this.#remembered.size >= maxRemembered) this.#remembered.delete(this.#remembered.values().next().value ?? '');
    this.#remembered.add(name);
  }
}

/** Nothing more is kept on somebody who was erased. */
function unlessErased(error: Error): undefined {
  if (error.name !== 'SubjectErased') throw error;
}

const nameOf = ({ use, kind, place }: Pick<Sighting, 'use' | 'kind' | 'place'>): string =>
  `${use.keyId} ${kind} ${place}`;

/** The findings that were not counted before, each with what is new of it. For a transaction that holds `lockTenant`. */
async function freshOf(
  client: Pick<Query, 'query'>,
  tenantId: string,
  refusals: Share['refusals'],
  nowMs: number,
): Promise<readonly PlacedFinding[]> {
  const told = new Map<string, Finding>();
  for (const { fingerprint, finding } of refusals) {
    const name = fingerprint.toString('base64');
    if ((told.get(name)?.count ?? 0) < finding.count) told.set(name, finding);
  }
  if (told.size === 0) return [];
  const fingerprints = [...told.keys()].map((name) => Buffer.from(name, 'base64'));
  const { rows } = await client.query<{ fingerprint: Buffer; count: string }>(
    'select fingerprint, count from alert_reports where tenant_id = $1 and fingerprint = any ($2::bytea[])',
    [tenantId, fingerprints],
  );
  await client.query(
    `insert into alert_reports as r (tenant_id, fingerprint, count, taken_at)
     select $1, f.*, $4 from unnest($2::bytea[], $3::bigint[]) as f
     on conflict (tenant_id, fingerprint) do update set count = greatest(r.count, excluded.count), taken_at = $4`,
    [tenantId, fingerprints, [...told.values()].map(({ count }) => count), new Date(nowMs)],
  );
  const counted = new Map(rows.map(({ fingerprint, count }) => [fingerprint.toString('base64'), Number(count)]));
  return [...told]
    .map(([name, finding]) => ({ ...finding, count: finding.count - (counted.get(name) ?? 0) }))
    .filter(({ count }) => count > 0);
}
