import { tenantIdPattern } from '@gatehouse/contracts';
import { generateKey, isSetupToken, uuidv7 } from '@gatehouse/crypto';
import { fold, handle } from '@gatehouse/event-store';
import type { Command } from '@gatehouse/service';
import { z } from 'zod';
import type { identitySettings } from '../settings.js';
import { offerSetup } from '../setup/offer-setup/offer-setup.js';
import { setupDecider, setupLifetimeMs, setupStream } from '../setup/setup.js';
import { tenantDecider, tenantStream } from '../tenancy/organization/tenant.js';
import { type OfferSetupArguments, readOfferSetupArguments } from './arguments.js';
import {
  fingerprintOf,
  type OpenStore,
  type Operator,
  operatorContext,
  withOperator,
} from './operator-access.service.js';
import { ensureSecrets } from './secrets-file.service.js';

const setupLink = z.object({
  tenantId: z.string().regex(tenantIdPattern),
  ownerId: z.uuid(),
  setupToken: z.string().refine(isSetupToken),
  setupExpiresAt: z.iso.datetime(),
});

/** `offer-setup`: another set-up link for the tenant's owner, for when the first one or its key is lost. */
export const offerSetupCommand =
  (openStore: OpenStore): Command<typeof identitySettings> =>
  async ({ env, args }) => {
    const wanted = readOfferSetupArguments(args);
    const said = await withOperator(env, openStore, (operator) => offerAnotherSetup(operator, wanted));
    process.stdout.write(`identity: ${said}\n`);
  };

async function offerAnotherSetup({ store, pepper }: Operator, { tenantId, out }: OfferSetupArguments): Promise<string> {
  const tenant = fold(tenantDecider, (await store.read(tenantId, tenantStream(tenantId))).events);
  if (tenant.status === 'none') throw new Error(`there is no tenant ${tenantId}: run the command bootstrap first`);
  const { ownerId } = tenant;
  const now = Date.now();
  const secrets = makeLink(tenantId, ownerId, out, now);
  const { setupToken, setupExpiresAt: expiresAt } = secrets;
  if (secrets.tenantId !== tenantId || secrets.ownerId !== ownerId)
    throw new Error(`${out} belongs to another tenant or installation: choose another file`);
  if (Date.parse(expiresAt) <= now) throw new Error(`the set-up link in ${out} has expired: choose another file`);
  const fingerprint = fingerprintOf(pepper, setupToken);
  const { duplicate, events } = await handle(store, setupDecider, {
    streamId: setupStream(ownerId),
    context: operatorContext(tenantId, now),
    // Named after the token: run again after a crash, the command offers the same link and not a second one.
    commandId: `offer-setup:${fingerprint}`,
    decide: (last) =>
      last.status === 'offered' && last.fingerprint === fingerprint
        ? []
        : offerSetup({ ownerId, offerId: uuidv7(now), fingerprint, expiresAt }),
  });
  return duplicate || events.length === 0
    ? `the set-up link in ${out} had been offered before: nothing to do`
    : `a new set-up link for tenant ${tenantId} is in ${out}; earlier ones no longer work`;
}

const makeLink = (tenantId: string, ownerId: string, out: string, now: number): z.output<typeof setupLink> =>
  ensureSecrets(out, setupLink, () => ({
    tenantId,
    ownerId,
    setupToken: generateKey('gst_'),
    setupExpiresAt: new Date(now + setupLifetimeMs).toISOString(),
  }));
