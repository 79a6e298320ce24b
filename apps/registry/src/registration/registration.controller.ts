import { grantKeys } from '@gatehouse/contracts';
import { defineRoute, type HttpRequest, Input, type InputOf, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { refusing } from '../refusal.js';
import { Asking } from './asking.service.js';
import { registrationInput, stateInput } from './registration-input.js';

const base = '/api/v1/devices/registrations';

const register = defineRoute({
  method: 'POST',
  path: base,
  summary:
    'Asks that a device be let in; signed by its identity key. Owners that do not exist answer like those that do',
  access: { kind: 'public' },
  body: registrationInput,
  status: 202,
  bodyLimitBytes: 8 * 1024,
  response: z.object({ requestId: z.uuid(), deviceId: z.uuid(), state: z.enum(['pending', 'approved']) }),
  problems: ['proof_invalid', 'proof_stale', 'registration_rejected', 'rate_limited'],
});

const state = defineRoute({
  method: 'POST',
  path: `${base}/:requestId/state`,
  summary:
    'What became of a registration; signed by the identity key of the device, which alone is given the key, once',
  access: { kind: 'public' },
  params: z.object({ requestId: z.uuid() }),
  query: z.object({ wait: z.coerce.number().int().min(0).max(50).default(0).describe('Seconds') }),
  body: stateInput,
  bodyLimitBytes: 4 * 1024,
  timeoutMs: 60_000,
  response: z.object({
    state: z.enum(['pending', 'approved', 'rejected', 'expired', 'removed']),
    deviceId: z.uuid(),
    name: z.string().optional(),
    tenantId: z.string().optional(),
    apiKey: z
      .string()
      .optional()
      .describe('Only in the answer to the first call, and to its repetition with the same nonce'),
    grantKeys: grantKeys.response.shape.keys.optional(),
    relays: z.array(z.string()).optional(),
    publicUrl: z.string().optional(),
  }),
  problems: ['proof_invalid', 'proof_stale', 'not_found', 'unavailable'],
});

@Controller()
export class RegistrationController {
  constructor(@Inject(Asking) private readonly asking: Asking) {}

  @Route(register)
  register(@Input() { body }: InputOf<typeof register>, @Req() request: HttpRequest) {
    return refusing(() => this.asking.register(body, asked(request)));
  }

  @Route(state)
  async state(@Input() { body, params, query }: InputOf<typeof state>, @Req() request: HttpRequest) {
    const gone = new AbortController();
    const { socket } = request.raw;
    const abort = () => gone.abort();
    socket.once('close', abort);
    const wait = { waitMs: query.wait * 1_000, signal: gone.signal };
    try {
      const found = await refusing(() => this.asking.state(params.requestId, body, wait, asked(request)));
      if (!found) throw new ProblemError('not_found', 'There is no such registration: it may have been too old');
      return found;
    } finally {
      // The connection lives on, and carries the next poll.
      socket.off('close', abort);
    }
  }
}

const asked = (request: HttpRequest) => ({
  ip: request.ip,
  correlationId: request.trace?.traceId ?? '',
  now: Date.now(),
});
