import { keyFamilies, keyFingerprint } from '@gatehouse/crypto';
import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { AttemptLimit } from '../../setup/redeem-setup/attempt-limit.js';
import { KeyRow } from '../key-list/key-list.entity.js';
import { KeyUses } from '../key-use/key-uses.service.js';
import { keyView, viewOfRow } from '../key-view.js';

const attemptsPerMinute = 60;

const keyText = z
  .string()
  .max(64)
  .refine((text) => keyFamilies.mas_.pattern.test(text) || keyFamilies.mau_.pattern.test(text), 'is no key');
/** HMAC-SHA256 of a key under the installation's pepper, as `key.created` and `key.rotated` hold it. */
const fingerprint = z
  .string()
  .regex(/^([A-Za-z0-9+/]{43}=|[0-9A-Fa-f]{64})$/, 'is no fingerprint: 32 bytes in base64 or hexadecimal');

const find = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/keys/find',
  summary: 'Says which key a leaked text or a fingerprint is, what state it is in, and where it was used',
  access: { kind: 'action', action: 'key.find', resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}` },
  // In the body and never in the address: addresses end up in logs and histories.
  body: z
    .strictObject({ key: keyText.optional(), fingerprint: fingerprint.optional() })
    .refine((body) => (body.key === undefined) !== (body.fingerprint === undefined), 'takes a key or a fingerprint'),
  response: z.object({
    key: keyView,
    /** `current`: the key's text. `previous`: works until `until`. `past`: works no more. */
    text: z.object({ state: z.enum(['current', 'previous', 'past']), since: z.string(), until: z.string().optional() }),
    uses: z.array(
      z.object({
        service: z.string(),
        address: z.string().optional(),
        firstAt: z.string(),
        lastAt: z.string(),
        count: z.int(),
      }),
    ),
  }),
  bodyLimitBytes: 1_024,
  problems: ['not_found', 'rate_limited'],
});

interface TextRow {
  readonly key_id: string;
  readonly since: Date;
  readonly until: Date | null;
}

@Controller()
export class FindKeyController {
  readonly #limits = new Map<string, AttemptLimit>();

  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(KeyUses) private readonly uses: KeyUses,
  ) {}

  @Route(find)
  async find(@Input() { body }: InputOf<typeof find>, @Caller() { tenantId }: Principal) {
    this.bound(tenantId);
    const found = await this.textOf(tenantId, this.fingerprintOf(body));
    // A key of another tenant answers as one that does not exist: row-level security does not even show it.
    if (!found) throw new ProblemError('not_found', 'No key of this tenant has or had this text');
    const { row, text, lastUsedAt } = found;
    const uses = await this.uses.of(tenantId, row.keyId);
    return { key: viewOfRow(row, lastUsedAt), text: viewOfText(text, Date.now()), uses: [...uses] };
  }

  private bound(tenantId: string): void {
    // Forgetting all limits now and then costs a few more attempts, and memory has its bound.
    if (this.#limits.size >= 10_000) this.#limits.clear();
    const limit = this.#limits.get(tenantId) ?? new AttemptLimit(attemptsPerMinute);
    this.#limits.set(tenantId, limit);
    const waitMs = limit.take(Date.now());
    if (waitMs > 0) throw new ProblemError('rate_limited', undefined, { retryAfterSeconds: waitMs / 1_000 });
  }

  private fingerprintOf({ key, fingerprint: given = '' }: InputOf<typeof find>['body']): string {
    if (key !== undefined) return keyFingerprint(this.platform.pepper, key).toString('base64');
    return given.length === 64 ? Buffer.from(given, 'hex').toString('base64') : given;
  }

  private textOf(tenantId: string, wanted: string) {
    return readAsTenant(this.platform.database.source, tenantId, async (manager) => {
      const [text] = await manager.query<TextRow[]>(
        'select key_id, since, until from identity.key_fingerprints where tenant_id = $1 and fingerprint = $2',
        [tenantId, wanted],
      );
      const row = text && (await manager.findOneBy(KeyRow, { tenantId, keyId: text.key_id }));
      if (!row) return undefined;
      const [used] = await manager.query<{ at: Date | null }[]>(
        'select max(last_at) as at from identity.key_uses where tenant_id = $1 and key_id = $2',
        [tenantId, row.keyId],
      );
      return { row, text, lastUsedAt: used?.at ?? undefined };
    });
  }
}

function viewOfText({ since, until }: TextRow, nowMs: number) {
  const state = until === null ? 'current' : until.getTime() > nowMs ? 'previous' : 'past';
  return { state, since: since.toISOString(), ...(until && { until: until.toISOString() }) } as const;
}
