import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../request-command.js';
import { changedKey, changeKey } from '../change-key.js';
import { enableKey } from './enable-key.js';

const enable = defineRoute({
  method: 'POST',
  path: '/api/v1/identity/keys/:keyId/enable',
  summary: 'Lets a disabled key work again',
  access: {
    kind: 'action',
    action: 'key.enable',
    resource: ({ input }) => `key/${(input?.params as { keyId?: string } | undefined)?.keyId ?? ''}`,
  },
  params: z.object({ keyId: z.uuid() }),
  body: z.strictObject({}).nullish(),
  headers: commandHeaders,
  response: changedKey,
  problems: ['not_found', 'stale_revision', 'idempotency_key_reused'],
});

@Controller()
export class EnableKeyController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(enable)
  enable(@Input() input: InputOf<typeof enable>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { keyId } = input.params;
    return changeKey({ store: this.store, request, caller, keyId, operation: 'key.enable', decide: enableKey });
  }
}
