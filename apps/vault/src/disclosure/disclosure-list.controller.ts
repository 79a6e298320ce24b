import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { And, In, LessThan, MoreThanOrEqual, Raw } from 'typeorm';
import { z } from 'zod';
import { recordedPaths } from '../secret/recordable-path.js';
import { DisclosureRow } from './disclosure.entity.js';
import { disclosureView, toDisclosureView } from './disclosure-view.js';
import { formatPlace, parsePlace } from './place.js';

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/disclosures',
  summary: 'Lists who asked for which version of which secret, newest first, and whether it was given',
  access: { kind: 'action', action: 'audit.read', resource: 'tenant/disclosures' },
  query: z.object({
    path: z.string().min(1).max(512).optional(),
    version: z.coerce.number().int().min(0).max(2_147_483_647).optional(),
    subject_type: z.string().min(1).max(64).optional(),
    subject_id: z.string().min(1).max(256).optional(),
    credential: z.string().min(1).max(128).optional(),
    decision: z.enum(['allowed', 'denied']).optional(),
    since: moment.optional(),
    until: moment.optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    /** `nextCursor` of the page before, with the same parameters otherwise. */
    cursor: z
      .string()
      .max(128)
      .transform((text) => parsePlace(text))
      .refine((place) => place !== undefined, 'is not a cursor')
      .optional(),
  }),
  response: z.object({ disclosures: z.array(disclosureView), nextCursor: z.string().nullable() }),
});
type Filter = InputOf<typeof list>['query'];

/** Decisions come from policy's log: a read is listed here about a second after it happened. */
@Controller()
export class DisclosureListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit } = query;
    const rows = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      manager.find(DisclosureRow, {
        where: { tenantId, ...this.#where(query) },
        order: { occurredAt: 'DESC', decisionId: 'DESC' },
        take: limit + 1,
      }),
    );
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return { disclosures: page.map(toDisclosureView), nextCursor: last ? formatPlace(last) : null };
  }

  #where({ path, version, subject_type, subject_id, credential, decision, since, until, cursor }: Filter) {
    const [from, to] = [since && MoreThanOrEqual(since), until && LessThan(until)];
    const inTime = from && to ? And(from, to) : (from ?? to);
    const after =
      cursor &&
      Raw((at) => `(${at}, decision_id) < (:atTime::timestamptz, :atDecision)`, {
        atTime: cursor.occurredAt,
        atDecision: cursor.decisionId,
      });
    const occurredAt = inTime && after ? And(inTime, after) : (inTime ?? after);
    return {
      ...(path !== undefined && { path: In([...recordedPaths(this.platform.pepper, path)]) }),
      ...(version !== undefined && { version }),
      ...(subject_type !== undefined && { subjectType: subject_type }),
      ...(subject_id !== undefined && { subjectId: subject_id }),
      ...(credential !== undefined && { credential }),
      ...(decision !== undefined && { allowed: decision === 'allowed' }),
      ...(occurredAt !== undefined && { occurredAt }),
    };
  }
}
