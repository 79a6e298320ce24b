import type { AlertRaised, AlertRule, SealedField } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import type { EventStore, Query } from '@gatehouse/event-store';
import { alertStream } from '../alert.js';
import { enqueueDeliveries } from '../delivery/delivery-queue.service.js';
import type { Finding } from '../detect/findings.js';
import { partOf, windowStart } from '../detect/window.js';
import { type AlertSettings, maxOpenIncidents, ruleOf } from '../kinds.js';

/** A finding with where it was, for the alerts that are about a place. */
export interface PlacedFinding extends Finding {
  readonly place?: string;
  readonly sealedPlace?: SealedField;
}

/** One tenant's transaction in which findings are counted. */
export interface IncidentWork {
  readonly log: EventStore;
  readonly client: Pick<Query, 'query'>;
  readonly tenantId: string;
  readonly settings: AlertSettings;
  readonly nowMs: number;
}

interface Ruled extends PlacedFinding {
  readonly rule: AlertRule;
}

/** One after the other within a tenant, whichever replica: two that count at once would both raise the same alert. */
export const lockTenant = (client: Pick<Query, 'query'>, tenantId: string) =>
  client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`gatehouse:alerts:${tenantId}`]);

/**
 * Counts findings, no two about the same: towards incidents that are open, or towards new ones. As many statements for
 * one finding as for a thousand, but for those that open an incident, and of these there is a bound.
 *
 * @param work whose transaction holds {@link lockTenant}
 */
export async function countFindings(work: IncidentWork, findings: readonly PlacedFinding[]): Promise<void> {
  const ruled = findings
    .map((finding): Ruled => ({ ...finding, rule: ruleOf(work.settings, finding.kind) }))
    .filter(({ rule }) => rule.enabled);
  const others = await continueIncidents(work, ruled);
  const due = (await countInWindows(work, others)).filter(({ count, rule }) => count >= rule.threshold);
  if (due.length === 0) return;
  const room = Math.max(0, maxOpenIncidents - (await openIncidents(work)));
  for (const finding of due.slice(0, room)) await openIncident(work, finding);
  await countStorm(work, due.slice(room));
}

/** What there is no room for is one incident more, whatever it is about. */
async function countStorm(work: IncidentWork, findings: readonly Ruled[]): Promise<void> {
  const [first] = findings;
  if (!first) return;
  const { tenantId, firstAt, lastAt } = first;
  const rule = ruleOf(work.settings, 'alert_storm');
  const count = findings.reduce((sum, finding) => sum + finding.count, 0);
  const subject = { type: 'tenant', id: tenantId };
  const storm: Ruled = { tenantId, kind: 'alert_storm', subject, count, firstAt, lastAt, rule };
  if (!rule.enabled) return;
  for (const fresh of await continueIncidents(work, [storm])) await openIncident(work, fresh);
}

const keyOf = (kind: string, type: string, id: string): string => JSON.stringify([kind, type, id]);
const nameOf = ({ kind, subject }: Finding): string => keyOf(kind, subject.type, subject.id);
const quietUntil = ({ quietSeconds }: AlertRule, nowMs: number): Date => new Date(nowMs + quietSeconds * 1_000);

/** Findings as the columns of a table: kind, type and id of the subject, count. */
const columnsOf = (findings: readonly Ruled[]): readonly unknown[] => [
  findings.map(({ kind }) => kind),
  findings.map(({ subject }) => subject.type),
  findings.map(({ subject }) => subject.id),
  findings.map(({ count }) => count),
];

interface NameRow {
  readonly kind: string;
  readonly subject_type: string;
  readonly subject_id: string;
}

/** Adds to the incidents that are open, and answers the findings that belong to none. */
async function continueIncidents(work: IncidentWork, findings: readonly Ruled[]): Promise<readonly Ruled[]> {
  if (findings.length === 0) return [];
  const { client, tenantId, nowMs } = work;
  const { rows } = await client.query<NameRow>(
    `update alert_incidents i set count = i.count + f.count, last_at = greatest(i.last_at, f.last_at),
       quiet_until = greatest(i.quiet_until, f.quiet_until)
     from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
       as f (kind, subject_type, subject_id, count, last_at, quiet_until)
     where i.tenant_id = $1 and (i.kind, i.subject_type, i.subject_id) = (f.kind, f.subject_type, f.subject_id)
     returning i.kind, i.subject_type, i.subject_id`,
    [
      ...[tenantId, ...columnsOf(findings), findings.map(({ lastAt }) => lastAt)],
      findings.map(({ rule }) => quietUntil(rule, nowMs)),
    ],
  );
  const known = new Set(rows.map((row) => keyOf(row.kind, row.subject_type, row.subject_id)));
  return findings.filter((finding) => !known.has(nameOf(finding)));
}

/** The same findings with the counts of their windows. What is an alert at its first sight is not counted. */
async function countInWindows(work: IncidentWork, findings: readonly Ruled[]): Promise<readonly Ruled[]> {
  const counted = findings.filter(({ rule }) => rule.threshold > 1);
  if (counted.length === 0) return findings;
  const { client, tenantId, nowMs } = work;
  const parts = counted.map(({ lastAt, rule }) => new Date(partOf(Date.parse(lastAt), rule.windowSeconds, nowMs)));
  await client.query(
    `insert into alert_counts as c (tenant_id, kind, subject_type, subject_id, count, part)
     select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])
     on conflict (tenant_id, kind, subject_type, subject_id, part) do update set count = c.count + excluded.count`,
    [tenantId, ...columnsOf(counted), parts],
  );
  const { rows } = await client.query<NameRow & { total: string }>(
    `select kind, subject_type, subject_id, sum(c.count) as total
     from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) as f (kind, subject_type, subject_id, since)
     join alert_counts c using (kind, subject_type, subject_id)
     where c.tenant_id = $1 and c.part >= f.since group by kind, subject_type, subject_id`,
    [
      ...[tenantId, ...columnsOf(counted).slice(0, 3)],
      counted.map(({ rule }) => new Date(windowStart(nowMs, rule.windowSeconds))),
    ],
  );
  const totals = new Map(rows.map((row) => [keyOf(row.kind, row.subject_type, row.subject_id), Number(row.total)]));
  return findings.map((finding) =>
    finding.rule.threshold > 1 ? { ...finding, count: totals.get(nameOf(finding)) ?? 0 } : finding,
  );
}

async function openIncidents({ client, tenantId }: IncidentWork): Promise<number> {
  const { rows } = await client.query<{ open: string }>(
    'select count(*) as open from alert_incidents where tenant_id = $1',
    [tenantId],
  );
  return Number(rows[0]?.open);
}

async function openIncident({ client, log, nowMs }: IncidentWork, finding: Ruled): Promise<void> {
  const { tenantId, kind, subject, count, firstAt, lastAt, place, sealedPlace, rule } = finding;
  const alertId = uuidv7(nowMs);
  await client.query(
    `insert into alert_incidents (tenant_id, kind, subject_type, subject_id, alert_id, count, first_at, last_at,
       quiet_until) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [tenantId, kind, subject.type, subject.id, alertId, count, firstAt, lastAt, quietUntil(rule, nowMs)],
  );
  const { threshold, windowSeconds } = rule;
  const facts = { alertId, kind, subject, threshold, windowSeconds, count, firstAt, lastAt };
  const data: AlertRaised = { ...facts, ...(place !== undefined && { place }) };
  await log.append(
    alertStream(alertId),
    [{ type: 'alert.raised', version: 1, data, ...(sealedPlace && { sealed: { place: sealedPlace } }) }],
    { expectedRevision: 0, context: ownContext(tenantId, alertId, nowMs) },
  );
  await enqueueDeliveries(client, { tenantId, what: 'alert.raised', alertId, data: facts, nowMs });
}

/** What this service does by itself; the alert's own id is the trace. */
export const ownContext = (tenantId: string, alertId: string, now: number) => ({
  tenantId,
  actor: { type: 'gatehouse', id: 'identity' },
  now,
  correlationId: alertId.replaceAll('-', ''),
});

/** Forgets the parts that led to an incident, so that a late report does not open the next one. */
export async function forgetCounts(client: Pick<Query, 'query'>, { tenantId, kind, subject }: Finding): Promise<void> {
  await client.query(
    'delete from alert_counts where tenant_id = $1 and kind = $2 and subject_type = $3 and subject_id = $4',
    [tenantId, kind, subject.type, subject.id],
  );
}
