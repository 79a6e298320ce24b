import { formatPosition } from '@gatehouse/contracts';
import { displayPrefix, generateKey, keyFingerprint } from '@gatehouse/crypto';
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
import { commandContext, commandHeaders, commandIdOf, expectedRevisionOf } from '../../request-command.js';
import { grantableRoles } from '../grantable-roles.js';
import { type Key, keyDecider, keyStream } from '../key.js';
import { keyView, viewOfKey } from '../key-view.js';
import { rotateKey, rotatingKeyDecider } from './rotate-key.js';

const week = 604_800;
const day = 86_400;

const rotate = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/keys/:keyId/rotate',
  summary: 'Gives a key another text, which this answer shows and no other ever will; the old one works on for a while',
  access: {
    kind: 'action',
    action: 'key.rotate',
    resource: ({ input }) => `key/${(input?.params as { keyId?: string } | undefined)?.keyId ?? ''}`,
  },
  params: z.object({ keyId: z.uuid() }),
  body: z.strictObject({ overlapSeconds: z.int().min(0).max(week).default(day) }).nullish(),
  headers: commandHeaders,
  response: keyView.extend({ key: z.string(), position: z.string() }),
  problems: [
    'not_found',
    'stale_revision',
    'idempotency_key_reused',
    'key_already_rotated',
    'key_expiry_passed',
    'user_key_of_another',
    'user_key_beyond_tenant',
    'key_scopes_too_wide',
  ],
});

type KnownKey = Exclude<Key, { status: 'none' }>;

@Controller()
export class RotateKeyController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(rotate)
  async rotate(@Input() input: InputOf<typeof rotate>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    const present = await this.read(caller.tenantId, input.params.keyId);
    // Who gets the text gets what the key may do.
    await grantableRoles(this.authorize, caller, present.roles, request);
    const key = generateKey(`${present.family}_`);
    const fingerprint = keyFingerprint(this.platform.pepper, key).toString('base64');
    const overlapSeconds = input.body?.overlapSeconds ?? day;
    const command = { caller, fingerprint, displayPrefix: displayPrefix(key), overlapSeconds, now };
    const streamId = keyStream(present.keyId);
    const commandId = commandIdOf(request, caller, 'key.rotate');
    const expectedRevision = expectedRevisionOf(request);
    const result = await answering(() =>
      handle(this.store, rotatingKeyDecider, {
        streamId,
        context: commandContext(request, caller, now),
        ...(commandId !== undefined && { commandId }),
        ...(expectedRevision !== undefined && { expectedRevision }),
        decide: (state) => rotateKey(command, state),
      }),
    );
    const { state, revision, position } = result;
    if (result.duplicate || state.key.status === 'none' || !position)
      throw rotatedBefore(result.events[0]?.streamId === streamId);
    return { ...viewOfKey(state.key, revision), key, position: formatPosition(position) };
  }

  /** Family and roles of a key never change, so they may be read before the command decides. */
  private async read(tenantId: string, keyId: string): Promise<KnownKey> {
    const { events } = await this.store.read(tenantId, keyStream(keyId));
    const key = events.reduce(keyDecider.evolve, keyDecider.initialState);
    if (key.status === 'none') throw new ProblemError('not_found', 'There is no such key');
    return key;
  }
}

/** The first call's answer was the only place where the new text stood: whoever lost it rotates once more. */
const rotatedBefore = (sameKey: boolean): ProblemError =>
  sameKey
    ? new ProblemError('key_already_rotated', 'The key was rotated. If its text is lost, rotate it once more')
    : new ProblemError('idempotency_key_reused');
