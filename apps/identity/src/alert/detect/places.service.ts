import type { AlertKind, ObservedUse, SealedField } from '@gatehouse/contracts';
import { blindIndex, type Pepper } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import type { PlacedFinding } from '../incident/incidents.service.js';
import type { AlertSettings } from '../kinds.js';
import type { KeyOwner } from './findings.js';
import { networkOf } from './place.js';

/** One key seen in one place. */
export interface Sighting {
  readonly use: ObservedUse;
  readonly owner: KeyOwner;
  readonly kind: Extract<AlertKind, 'new_network' | 'new_country'>;
  readonly place: string;
  /** The place of a person, under that person's key. */
  readonly sealedPlace?: SealedField;
}

/** The places that an address stands for. */
export function placesOf(use: ObservedUse, country: string | undefined): readonly Omit<Sighting, 'owner'>[] {
  const network = networkOf(use.ip);
  return [
    ...(network === undefined ? [] : [{ use, kind: 'new_network', place: network } as const]),
    ...(country === undefined ? [] : [{ use, kind: 'new_country', place: country } as const]),
  ];
}

const maxPlacesPerKey = 256;
const dayMs = 86_400_000;
const memoryOf = (keyId: string, kind: string): string => `${keyId} ${kind}`;

/**
 * Keeps where keys were seen, as hashes; answers a finding for each place that is new to a key we know for long enough.
 * A first place is never new, and neither is any in the days in which a tenant lets us learn.
 */
export async function learnPlaces(
  client: Pick<Query, 'query'>,
  pepper: Pepper,
  tenantId: string,
  sightings: readonly Sighting[],
  { learningDays }: AlertSettings,
  nowMs: number,
): Promise<readonly PlacedFinding[]> {
  if (sightings.length === 0) return [];
  const byIndex = new Map(sightings.map((sighting) => [indexOf(pepper, sighting), sighting]));
  const added = await addPlaces(client, tenantId, byIndex, nowMs);
  const memories = await memoriesOf(client, tenantId, added);
  const findings: PlacedFinding[] = [];
  for (const { use, owner, kind, place, sealedPlace } of added) {
    const memory = memories.get(memoryOf(use.keyId, kind));
    if (!memory || nowMs - memory.since.getTime() < learningDays * dayMs || memory.before === 0) continue;
    const { count, firstAt, lastAt } = use;
    const where = owner.principal.type === 'user' ? sealedPlace && { sealedPlace } : { place };
    findings.push({ tenantId, kind, subject: { type: 'key', id: use.keyId }, count, firstAt, lastAt, ...where });
  }
  return findings;
}

const indexOf = (pepper: Pepper, { use, kind, place }: Sighting): string =>
  blindIndex(pepper, 'alert.place', `${use.keyId}\n${kind}\n${place}`);

async function addPlaces(
  client: Pick<Query, 'query'>,
  tenantId: string,
  byIndex: ReadonlyMap<string, Sighting>,
  nowMs: number,
): Promise<readonly Sighting[]> {
  const all = [...byIndex];
  const { rows } = await client.query<{ place: string }>(
    `insert into alert_places (tenant_id, key_id, kind, place, user_id, first_at)
     select $1, f.*, $6 from unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[]) as f
     on conflict do nothing returning place`,
    [
      tenantId,
      all.map(([, { use }]) => use.keyId),
      all.map(([, { kind }]) => kind),
      all.map(([index]) => index),
      all.map(
        ([
          ,
          {
            owner: { principal },
          },
        ]) => (principal.type === 'user' ? principal.id : null),
      ),
      new Date(nowMs),
    ],
  );
  return rows.flatMap(({ place }) => byIndex.get(place) ?? []);
}

interface Memory {
  readonly since: Date;
  /** Places known before this moment. */
  readonly before: number;
}

/** What was known of these keys, and forgets the oldest places of those that have more than anybody needs. */
async function memoriesOf(
  client: Pick<Query, 'query'>,
  tenantId: string,
  added: readonly Sighting[],
): Promise<ReadonlyMap<string, Memory>> {
  const keyIds = [...new Set(added.map(({ use }) => use.keyId))];
  if (keyIds.length === 0) return new Map();
  const { rows } = await client.query<{ key_id: string; kind: string; known: number; since: Date }>(
    `select key_id, kind, count(*)::int as known, min(first_at) as since from alert_places
     where tenant_id = $1 and key_id = any ($2::uuid[]) group by key_id, kind`,
    [tenantId, keyIds],
  );
  await client.query(
    `delete from alert_places p using (
       select key_id, kind, place, row_number() over (partition by key_id, kind order by first_at desc, place) as nth
       from alert_places where tenant_id = $1 and key_id = any ($2::uuid[])) old
     where p.tenant_id = $1 and (p.key_id, p.kind, p.place) = (old.key_id, old.kind, old.place) and nth > $3`,
    [tenantId, keyIds, maxPlacesPerKey],
  );
  const fresh = (keyId: string, kind: string) => added.filter((each) => each.use.keyId === keyId && each.kind === kind);
  return new Map(
    rows.map(({ key_id, kind, known, since }) => [
      memoryOf(key_id, kind),
      { since, before: known - fresh(key_id, kind).length },
    ]),
  );
}
