import { asTenant } from '@gatehouse/event-store';
import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { maxReached, reachedBy, refusalsOf } from './blast-radius.js';
import { suspectOf, suspectParameters } from './suspect-input.js';

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/blast-radius',
  summary:
    'What an identity, or one credential of it, was given: every version of every secret, and which are still in use',
  access: { kind: 'action', action: 'audit.read', resource: 'tenant/disclosures' },
  query: z.object(suspectParameters),
  response: z.object({
    secrets: z.array(
      z.object({
        path: z.string(),
        version: z.int(),
        /** `current`: what it knows still opens doors; `earlier`: it was replaced; `gone`: the secret was deleted. */
        state: z.enum(['current', 'earlier', 'gone']),
        reads: z.int(),
        firstAt: z.iso.datetime(),
        lastAt: z.iso.datetime(),
      }),
    ),
    /** Secrets of which it knows the version in use. */
    toRotate: z.int(),
    /** How often it was refused a secret. */
    refusals: z.int(),
    /** There are more than are listed: ask for a shorter time. */
    more: z.boolean(),
  }),
});

@Controller()
export class BlastRadiusController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(read)
  async read(@Input() { query }: InputOf<typeof read>, @Caller() { tenantId }: Principal) {
    const suspect = suspectOf(query);
    const [reached, refusals] = await asTenant(this.platform.database.request, tenantId, async (client) => [
      await reachedBy(client, tenantId, suspect),
      await refusalsOf(client, tenantId, suspect),
    ]);
    const secrets = reached.slice(0, maxReached).map(({ currentVersion, firstAt, lastAt, path, version, reads }) => ({
      path,
      version,
      state: currentVersion === null ? 'gone' : currentVersion === version ? 'current' : 'earlier',
      reads,
      firstAt: firstAt.toISOString(),
      lastAt: lastAt.toISOString(),
    }));
    const toRotate = secrets.filter(({ state }) => state === 'current').length;
    return { secrets, toRotate, refusals, more: reached.length > maxReached };
  }
}
