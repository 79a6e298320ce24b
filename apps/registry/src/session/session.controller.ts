import { CanonicalJsonError, canonicalJson } from '@gatehouse/crypto';
import { asTenant } from '@gatehouse/event-store';
import {
  Caller,
  defineProblems,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { commandHash, grantScope } from '@gatehouse/session';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { Devices } from '../device/devices.service.js';
import { refusing } from '../refusal.js';
import { SessionGranting } from './granting.service.js';
import { RELAYS } from './relays.js';
import type { Command } from './session-detail.js';

defineProblems({
  session_over: { status: 409, title: 'This session has ended' },
});

/** Base64url of 32 bytes. */
const clientKey = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, 'is not 32 bytes in base64url');

const open = defineRoute({
  method: 'POST',
  path: '/api/v1/devices/:device/sessions',
  summary: 'Grants a session on a device, or renews the grant of one: a recorded decision for each action',
  access: { kind: 'authenticated', anyScope: true },
  params: z.object({ device: z.string().min(1).max(253) }),
  body: z.strictObject({
    scope: grantScope,
    clientKey,
    command: z
      .union([z.array(z.string().max(131_072)).min(1).max(4_096), z.string().min(1).max(131_072)])
      .optional()
      .describe('Of exec: what commandHash is of; recorded without what looks like a key or an address'),
    reason: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .describe('Why, in words: recorded with grant and decisions, without what looks like a key or an address'),
    sid: z.uuid().optional().describe('Of the session that is renewed: same caller, key, device and scope'),
  }),
  bodyLimitBytes: 192 * 1024,
  status: 201,
  problems: ['forbidden', 'not_found', 'name_ambiguous', 'session_over'],
});

@Controller()
export class SessionController {
  constructor(
    @Inject(Devices) private readonly devices: Devices,
    @Inject(SessionGranting) private readonly granting: SessionGranting,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(RELAYS) private readonly relays: readonly string[],
  ) {}

  @Route(open)
  async open(
    @Input() { body, params }: InputOf<typeof open>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const { scope, command, sid, reason } = body;
    assertWellFormed(body);
    assertCommand(scope, command);
    const row = await this.devices.find(caller.tenantId, params.device);
    if (sid !== undefined) await this.#refuseEnded(caller.tenantId, sid);
    const wanted = { scope, clientKey: body.clientKey, command, sid, reason };
    const granted = await refusing(() => this.granting.grant({ caller, request }, row, wanted));
    const { deviceId: id, name, sessionKey, fingerprint } = row;
    return { ...granted, device: { id, name, sessionKey, fingerprint }, relays: this.relays };
  }

  async #refuseEnded(tenantId: string, sid: string): Promise<void> {
    const { rows } = await asTenant(this.platform.database.request, tenantId, (client) =>
      client.query('select from session_activity where tenant_id = $1 and session_id = $2 and ended_at is not null', [
        ...[tenantId, sid],
      ]),
    );
    if (rows.length > 0) throw new ProblemError('session_over');
  }
}

/** Half a surrogate pair has no UTF-8 form: it can be neither signed nor run. */
function assertWellFormed(body: object): void {
  try {
    canonicalJson(body);
  } catch (error) {
    if (!(error instanceof CanonicalJsonError)) throw error;
    throw new ProblemError('validation_failed', 'A text holds half a character', { cause: error });
  }
}

/** What is recorded is what will run. */
function assertCommand(scope: z.output<typeof grantScope>, command: Command | undefined): void {
  const message = commandFault(scope, command);
  if (message !== undefined)
    throw new ProblemError('validation_failed', undefined, { errors: [{ path: 'body.command', message }] });
}

function commandFault(scope: z.output<typeof grantScope>, command: Command | undefined): string | undefined {
  if (scope.kind !== 'exec') return command === undefined ? undefined : 'belongs to exec alone';
  if (command === undefined) return 'is missing: scope.commandHash is of it';
  return commandHash(command) === scope.commandHash ? undefined : 'is not what scope.commandHash is of';
}
