import { ProblemError } from '@gatehouse/http';
import { counter, gauge } from '@gatehouse/telemetry';
import type { FastifyInstance } from 'fastify';
import { addressKey } from './address-key.js';
import { AddressRate, type AddressRateOptions } from './address-rate.js';

const refused = counter('gateway_rate_limited', 'Requests refused for coming too fast');

/** Health answers always: a flood must not look like a dead gateway. */
const exempt = new Set(['/livez', '/readyz']);

/** Holds every address to its rate, before anything else is done for a request: unknown paths count too. */
export function limitRate(instance: FastifyInstance, options: AddressRateOptions): void {
  const rate = new AddressRate(options);
  const remove = gauge('gateway_rate_addresses', 'Addresses whose rate is remembered', () => rate.size);
  instance.addHook('onClose', async () => remove());
  instance.addHook('onRequest', (request, _reply, done) => {
    const waitMs = rate.take(addressKey(request.ip), performance.now());
    if (waitMs === 0 || exempt.has(request.routeOptions.url ?? '')) return done();
    refused.add();
    done(tooMany(waitMs / 1_000, options));
  });
}

function tooMany(waitSeconds: number, { perSecond }: AddressRateOptions): ProblemError {
  const headers = {
    'ratelimit-limit': String(perSecond),
    'ratelimit-remaining': '0',
    'ratelimit-reset': String(Math.max(1, Math.ceil(waitSeconds))),
    'ratelimit-policy': `${perSecond};w=1`,
  };
  return new ProblemError('rate_limited', 'Too many requests from this address', {
    retryAfterSeconds: waitSeconds,
    headers,
  });
}
