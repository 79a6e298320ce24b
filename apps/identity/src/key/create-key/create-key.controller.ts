import { formatPosition, type KeyCreated } from '@gatehouse/contracts';
import { displayPrefix, generateKey, keyFingerprint, uuidv7 } from '@gatehouse/crypto';
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
import { commandContext, commandHeaders, commandIdOf } from '../../request-command.js';
import { grantableRoles } from '../grantable-roles.js';
import { keyDecider, keyNamePattern, keyStream, scopePattern } from '../key.js';
import { keyView, viewOfKey } from '../key-view.js';
import { isNetwork } from '../network.js';
import { type CreateKey, createKey } from './create-key.js';

/** A list of nothing would be a key for nothing. */
const scopeList = z
  .array(z.string().max(128).regex(scopePattern, 'is no action pattern, such as logs.read, logs.* or *'))
  .min(1)
  .max(64);
const network = z.string().max(64).refine(isNetwork, 'is not a network in CIDR form, such as 10.0.0.0/8');
const utc = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString());

const body = z.strictObject({
  name: z.string().regex(keyNamePattern, 'is not lower-case letters, digits and hyphens, at most 63'),
  family: z.enum(['mas', 'mau']).default('mas'),
  roles: z
    .array(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is not the name of a role'))
    .max(16)
    .default([]),
  expiresAt: utc.optional(),
  networks: z.array(network).max(32).optional(),
  scopes: scopeList.optional(),
});

const create = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/keys',
  summary: 'Makes a key, which this answer shows and no other ever will',
  access: { kind: 'action', action: 'key.create', resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}` },
  body,
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: keyView.extend({ key: z.string(), position: z.string() }),
  status: 201,
  bodyLimitBytes: 16_384,
  problems: [
    'key_name_taken',
    'key_already_created',
    'idempotency_key_reused',
    'key_expiry_passed',
    'user_key_with_roles',
    'user_key_without_person',
    'user_key_beyond_tenant',
    'key_scopes_too_wide',
  ],
});

@Controller()
export class CreateKeyController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(create)
  async create(@Input() input: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const now = Date.now();
    const commandId = commandIdOf(request, caller, 'key.create');
    await grantableRoles(this.authorize, caller, input.body.roles, request);
    const key = generateKey(`${input.body.family}_`);
    const command = this.commandFor(key, input.body, caller, now);
    const result = await answering(() =>
      handle(this.store, keyDecider, {
        streamId: keyStream(command.keyId),
        context: commandContext(request, caller, now),
        ...(commandId && { commandId }),
        decide: (state) => createKey(command, state),
      }),
    );
    const { state, revision, position } = result;
    if (result.duplicate || state.status === 'none' || !position)
      throw madeBefore(result.events[0]?.data as KeyCreated | undefined, command);
    return { ...viewOfKey(state, revision), key, position: formatPosition(position) };
  }

  private commandFor(key: string, given: z.output<typeof body>, caller: Principal, now: number): CreateKey {
    const { name, family, roles, expiresAt, networks, scopes } = given;
    return {
      keyId: uuidv7(now),
      family,
      name,
      caller,
      roles,
      fingerprint: keyFingerprint(this.platform.pepper, key).toString('base64'),
      displayPrefix: displayPrefix(key),
      ...(expiresAt !== undefined && { expiresAt }),
      ...(networks !== undefined && { networks }),
      ...(scopes !== undefined && { scopes }),
      now,
    };
  }
}

/**
 * The first call stored the key, and its answer was the only place where the key stood in plain text. A caller that lost it
 * learns which key that was, disables it and makes another: a success without a key would be taken for one.
 */
function madeBefore(first: KeyCreated | undefined, command: CreateKey): ProblemError {
  if (first?.name !== command.name || first.family !== command.family)
    return new ProblemError('idempotency_key_reused');
  const location = `/api/v1/identity/keys/${first.keyId}`;
  const detail = `Key ${first.keyId} exists. If its text is lost, disable it and make another under a new name`;
  return new ProblemError('key_already_created', detail, { headers: { location } });
}
