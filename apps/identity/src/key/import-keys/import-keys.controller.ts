import { displayPrefix, isCanonicalKey, keyFamilies, keyFingerprint, uuidv7 } from '@gatehouse/crypto';
import { handle, PostgresEventStore } from '@gatehouse/event-store';
import {
  AUTHORIZE,
  type Authorize,
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { answering } from '../../problems.js';
import { commandContext } from '../../request-command.js';
import { grantableRoles } from '../grantable-roles.js';
import { keyDecider, keyNamePattern, keyStream } from '../key.js';
import { type ImportKey, importKey } from './import-keys.js';

const maxKeys = 200;

const item = z.strictObject({
  name: z.string().regex(keyNamePattern, 'is not lower-case letters, digits and hyphens, at most 63'),
  key: z
    .string()
    .max(64)
    .refine((text) => keyFamilies.mas_.pattern.test(text) || keyFamilies.mau_.pattern.test(text), 'is no key'),
  enabled: z.boolean().default(true),
  roles: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is not the name of a role'))
    .max(16)
    .default([]),
});

const importRoute = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/keys/import',
  summary: 'Takes over keys that exist elsewhere, each by itself, and says of each what became of it',
  access: { kind: 'action', action: 'key.import', resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}` },
  body: z.strictObject({
    keys: z.array(item).min(1).max(maxKeys),
    dryRun: z.boolean().default(false),
    /** User keys act as the caller from now on. Without it they are refused. */
    userKeysAsMine: z.boolean().default(false),
  }),
  response: z.object({
    keys: z.array(
      z.object({
        name: z.string(),
        displayPrefix: z.string(),
        outcome: z.enum(['imported', 'would_import', 'unchanged', 'refused']),
        keyId: z.uuid().optional(),
        code: z.string().optional(),
        warnings: z.array(z.string()),
      }),
    ),
  }),
  bodyLimitBytes: 131_072,
  problems: ['validation_failed'],
});

type Item = z.output<typeof item>;
type Body = InputOf<typeof importRoute>['body'];

interface Report {
  readonly outcome: 'imported' | 'would_import' | 'unchanged' | 'refused';
  readonly keyId?: string;
  readonly code?: string;
}

@Controller()
export class ImportKeysController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(importRoute)
  async import(
    @Input() { body }: InputOf<typeof importRoute>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    refuseTwice(body.keys);
    const roles = body.keys.flatMap((key) => key.roles);
    await grantableRoles(this.authorize, caller, roles, request);
    const keys = [];
    for (const given of body.keys) {
      const warnings = isCanonicalKey(given.key) ? [] : ['the last character is not canonical'];
      const report = await this.importOne(given, body, caller, request);
      keys.push({ name: given.name, displayPrefix: displayPrefix(given.key), ...report, warnings });
    }
    return { keys };
  }

  /** COMMIT POINT of one key. A file that was cut short is sent again: what is there already is left unchanged. */
  private async importOne(given: Item, body: Body, caller: Principal, request: HttpRequest): Promise<Report> {
    const now = Date.now();
    const command = this.commandFor(given, body.userKeysAsMine, caller, now);
    try {
      return await answering(async () => {
        const known = await this.known(caller.tenantId, command);
        if (known) return known;
        const events = importKey(command, keyDecider.initialState);
        if (body.dryRun) return { outcome: 'would_import' };
        await handle(this.store, keyDecider, {
          streamId: keyStream(command.keyId),
          context: commandContext(request, caller, now),
          decide: () => events,
        });
        return { outcome: 'imported', keyId: command.keyId };
      });
    } catch (error) {
      if (error instanceof ProblemError && error.status < 500) return { outcome: 'refused', code: error.code };
      throw error;
    }
  }

  /** What is said of a text or a name that is taken: another tenant's too, whoever has the text may know that. */
  private async known(tenantId: string, { fingerprint, name }: ImportKey): Promise<Report | undefined> {
    const { rows } = await this.platform.database.system.query<{ key_id: string; ours: boolean; name: string | null }>(
      `select f.key_id, f.tenant_id = $1 as ours, k.name from key_fingerprints f
         left join keys k on k.tenant_id = f.tenant_id and k.key_id = f.key_id where f.fingerprint = $2`,
      [tenantId, fingerprint],
    );
    const [row] = rows;
    if (row?.ours && row.name === name) return { outcome: 'unchanged', keyId: row.key_id };
    if (row) return { outcome: 'refused', code: 'key_text_taken' };
    const { rowCount } = await this.platform.database.system.query(
      'select from keys where tenant_id = $1 and name = $2',
      [tenantId, name],
    );
    return rowCount ? { outcome: 'refused', code: 'key_name_taken' } : undefined;
  }

  private commandFor(given: Item, userKeysAsMine: boolean, caller: Principal, now: number): ImportKey {
    const { name, key, enabled, roles } = given;
    return {
      keyId: uuidv7(now),
      family: key.startsWith('mau_') ? 'mau' : 'mas',
      name,
      caller,
      roles,
      fingerprint: keyFingerprint(this.platform.pepper, key).toString('base64'),
      displayPrefix: displayPrefix(key),
      now,
      key,
      enabled,
      userKeysAsMine,
    };
  }
}

/** Names the places and never the texts. @throws ProblemError `validation_failed` */
function refuseTwice(keys: readonly Item[]): void {
  const errors = (['name', 'key'] as const).flatMap((field) =>
    keys.flatMap((key, i) =>
      keys.findIndex((other) => other[field] === key[field]) < i
        ? [{ path: `body.keys.${i}.${field}`, message: 'stands in the list twice' }]
        : [],
    ),
  );
  if (errors.length > 0) throw new ProblemError('validation_failed', undefined, { errors });
}
