import { asTenant } from '@gatehouse/event-store';
import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { Keyring } from '../key/keyring.js';
import { findVersions, maxListed, type Reader, readersOf } from './find-value.js';
import { guessesOf } from './value-texts.js';

const subject = z.object({ type: z.string(), id: z.string() });

const reader = z.object({
  subject,
  reads: z.int(),
  firstAt: z.iso.datetime(),
  lastAt: z.iso.datetime(),
  /** Whether this version is the last one that the vault gave to it. */
  holds: z.boolean(),
});

const find = defineRoute({
  method: 'POST',
  path: '/api/v1/vault/find',
  summary: 'Says whether a string was ever a secret of this tenant: of which name and version, and who read it',
  // The string is in the body: addresses are logged.
  access: { kind: 'action', action: 'secret.find', resource: 'tenant/secrets' },
  body: z.strictObject({ text: z.string().min(1).max(65_536) }),
  response: z.object({
    found: z.boolean(),
    matches: z.array(
      z.object({
        path: z.string(),
        version: z.int(),
        /** `current`: it is in use; `earlier`: it was replaced; `gone`: the secret was deleted. */
        state: z.enum(['current', 'earlier', 'gone']),
        destroyed: z.boolean(),
        writtenAt: z.iso.datetime().nullable(),
        readers: z.array(reader),
      }),
    ),
    /** There are more than are listed. */
    more: z.boolean(),
  }),
});

@Controller()
export class FindValueController {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Keyring) private readonly keyring: Keyring,
  ) {}

  @Route(find)
  async find(@Input() { body }: InputOf<typeof find>, @Caller() { tenantId }: Principal) {
    const guesses = guessesOf(body.text);
    // Too short to be found at all: nothing that short was remembered.
    if (guesses.length === 0) return { found: false, matches: [], more: false };
    const fingerprints = await Promise.all(guesses.map((guess) => this.keyring.fingerprint(tenantId, guess)));
    return asTenant(this.platform.database.request, tenantId, async (client) => {
      const versions = await findVersions(client, tenantId, fingerprints);
      const matches = [];
      for (const found of versions.slice(0, maxListed)) {
        const { path, version, currentVersion, writtenAt, destroyed } = found;
        matches.push({
          path,
          version,
          state: currentVersion === null ? 'gone' : currentVersion === version ? 'current' : 'earlier',
          destroyed,
          writtenAt: writtenAt?.toISOString() ?? null,
          readers: (await readersOf(client, tenantId, found)).map((of) => readerView(of, version)),
        });
      }
      return { found: matches.length > 0, matches, more: versions.length > maxListed };
    });
  }
}

const readerView = ({ subjectType, subjectId, reads, firstAt, lastAt, holds }: Reader, version: number) => ({
  subject: { type: subjectType, id: subjectId },
  reads,
  firstAt: firstAt.toISOString(),
  lastAt: lastAt.toISOString(),
  holds: holds === version,
});
