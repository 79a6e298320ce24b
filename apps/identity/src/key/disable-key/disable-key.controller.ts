import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../request-command.js';
import { changedKey, changeKey } from '../change-key.js';
import { disableKey } from './disable-key.js';

const disable = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/keys/:keyId/disable',
  summary: 'Stops a key from working; it stays in the list',
  access: {
    kind: 'action',
    action: 'key.disable',
    resource: ({ input }) => `key/${(input?.params as { keyId?: string } | undefined)?.keyId ?? ''}`,
  },
  params: z.object({ keyId: z.uuid() }),
  // The reason is shown and recorded as it is: one line, no personal data.
  body: z
    .strictObject({
      reason: recordedText(200).optional(),
    })
    .nullish(),
  headers: commandHeaders,
  response: changedKey,
  problems: ['not_found', 'stale_revision', 'idempotency_key_reused'],
});

@Controller()
export class DisableKeyController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(disable)
  disable(@Input() input: InputOf<typeof disable>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { keyId } = input.params;
    const command = { reason: input.body?.reason };
    const decide = (key: Parameters<typeof disableKey>[1]) => disableKey(command, key);
    return changeKey({ store: this.store, request, caller, keyId, operation: 'key.disable', decide });
  }
}
