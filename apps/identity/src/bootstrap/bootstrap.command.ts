import { type KeyCreated, type SetupOffered, tenantIdPattern } from '@gatehouse/contracts';
import { displayPrefix, generateKey, isSetupToken, uuidv7 } from '@gatehouse/crypto';
import { fold, handle } from '@gatehouse/event-store';
import type { Command } from '@gatehouse/service';
import { z } from 'zod';
import { createKey } from '../key/create-key/create-key.js';
import { keyDecider, keyStream } from '../key/key.js';
import { isEmailTaken } from '../person/people.projection.js';
import type { identitySettings } from '../settings.js';
import { offerSetup } from '../setup/offer-setup/offer-setup.js';
import { setupDecider, setupLifetimeMs, setupStream } from '../setup/setup.js';
import { createTenant } from '../tenancy/organization/create-tenant/create-tenant.js';
import { type Tenant, tenantDecider, tenantStream } from '../tenancy/organization/tenant.js';
import { registerUser } from '../user/register-user/register-user.js';
import { userDecider, userStream } from '../user/user.js';
import { type BootstrapArguments, readBootstrapArguments } from './arguments.js';
import {
  fingerprintOf,
  type OpenStore,
  type Operator,
  operatorContext,
  withOperator,
} from './operator-access.service.js';
import { ensureSecrets, readSecrets } from './secrets-file.service.js';

const firstOwner = z.object({
  tenantId: z.string().regex(tenantIdPattern),
  ownerId: z.uuid(),
  setupToken: z.string().refine(isSetupToken),
  setupExpiresAt: z.iso.datetime(),
  operatorKey: z.string().startsWith('mas_'),
});
export type FirstOwner = z.output<typeof firstOwner>;

/** Fixed, so that a step that was stored is never stored again, whoever runs the command how often. */
const steps = {
  tenant: 'bootstrap:tenant',
  owner: 'bootstrap:owner',
  operatorKey: 'bootstrap:operator-key',
  setup: 'bootstrap:setup',
} as const;

/** `bootstrap`: the first tenant, its owner, the owner's set-up link and an operator's key. Says nothing secret. */
export const bootstrapCommand =
  (openStore: OpenStore): Command<typeof identitySettings> =>
  async ({ env, args }) => {
    const wanted = readBootstrapArguments(args, env);
    const said = await withOperator(env, openStore, (operator) => bootstrap(operator, wanted));
    process.stdout.write(`identity: ${said}\n`);
  };

/**
 * Each of four steps is one transaction, made of the secrets in the file. A crash anywhere is mended by running the same
 * again: a step that is stored is skipped, the others follow with the same secrets.
 */
async function bootstrap(operator: Operator, wanted: BootstrapArguments): Promise<string> {
  const { store } = operator;
  const { tenantId, out } = wanted;
  const tenant = fold(tenantDecider, (await store.read(tenantId, tenantStream(tenantId))).events);
  const found = readSecrets(out, firstOwner);
  if (!found && (await store.readCommand(tenantId, steps.operatorKey))) return madeBefore(wanted);
  const secrets = found ?? makeSecrets(wanted, tenant);
  refuseOtherInstallation(secrets, wanted, tenant);
  const now = Date.now();
  const stored = [
    await makeTenant(operator, wanted, secrets, now),
    await registerOwner(operator, wanted, secrets, now),
    await makeOperatorKey(operator, wanted, secrets, now),
    await offerFirstSetup(operator, wanted, secrets, now),
  ];
  const expired = Date.parse(secrets.setupExpiresAt) <= now;
  const link = expired ? ' Its set-up link has expired; the command offer-setup makes another.' : '';
  return stored.some((isNew) => isNew)
    ? `made tenant ${tenantId} and its owner; set-up token and operator's key are in ${out}.${link}`
    : `tenant ${tenantId} was made before from ${out}: nothing to do.${link}`;
}

const madeBefore = ({ tenantId, out }: BootstrapArguments): string =>
  `tenant ${tenantId} was made before and ${out} is gone: nothing to do. Another set-up link, and with it another key ` +
  `for the owner, is made by: offer-setup --tenant ${tenantId} --out FILE`;

/** COMMIT POINT of the secrets: only what is durable in the file is ever stored as a fingerprint. */
const makeSecrets = ({ tenantId, out }: BootstrapArguments, tenant: Tenant): FirstOwner =>
  ensureSecrets(out, firstOwner, () => {
    const now = Date.now();
    return {
      tenantId,
      ownerId: tenant.status === 'none' ? uuidv7(now) : tenant.ownerId,
      setupToken: generateKey('gst_'),
      setupExpiresAt: new Date(now + setupLifetimeMs).toISOString(),
      operatorKey: generateKey('mas_'),
    };
  });

function refuseOtherInstallation(secrets: FirstOwner, { tenantId, out }: BootstrapArguments, tenant: Tenant): void {
  const sameOwner = tenant.status === 'none' || tenant.ownerId === secrets.ownerId;
  if (secrets.tenantId === tenantId && sameOwner) return;
  throw new Error(`${out} belongs to another tenant or installation: move it away, or choose another file`);
}

type Step = (operator: Operator, wanted: BootstrapArguments, secrets: FirstOwner, now: number) => Promise<boolean>;

/** Every step answers whether it stored anything. */
const makeTenant: Step = async ({ store }, { tenantId, tenantName, ...wanted }, { ownerId, ...secrets }, now) => {
  const result = await handle(store, tenantDecider, {
    streamId: tenantStream(tenantId),
    context: operatorContext(tenantId, now),
    commandId: steps.tenant,
    decide: (tenant) => createTenant({ name: tenantName, ownerId }, tenant),
  });
  refuseOtherInstallation({ ownerId, ...secrets }, { tenantId, tenantName, ...wanted }, result.state);
  return !result.duplicate && result.events.length > 0;
};

const registerOwner: Step = async ({ store, subjectKeys }, { tenantId, email, name }, { ownerId }, now) => {
  const streamId = userStream(ownerId);
  // Asked first: a person who was erased must not get a new key from a repeated command.
  if ((await store.read(tenantId, streamId)).revision > 0) return false;
  const seal = await subjectKeys.sealerFor(tenantId, ownerId);
  const command = {
    userId: ownerId,
    email: seal('email', email),
    ...(name !== undefined && { name: seal('name', name) }),
  };
  const { duplicate } = await handle(store, userDecider, {
    streamId,
    context: operatorContext(tenantId, now),
    commandId: steps.owner,
    decide: (user) => registerUser(command, user),
  }).catch((error: unknown) => {
    if (!isEmailTaken(error)) throw error;
    throw new Error('somebody else is registered under this --email: choose another address', { cause: error });
  });
  return !duplicate;
};

const makeOperatorKey: Step = async ({ store, pepper }, { tenantId, out }, { operatorKey }, now) => {
  const keyId = uuidv7(now);
  const context = operatorContext(tenantId, now);
  const command = {
    keyId,
    family: 'mas',
    name: 'operator',
    caller: context.actor,
    roles: ['owner'],
    fingerprint: fingerprintOf(pepper, operatorKey),
    displayPrefix: displayPrefix(operatorKey),
    now,
  } as const;
  const result = await handle(store, keyDecider, {
    streamId: keyStream(keyId),
    context,
    commandId: steps.operatorKey,
    decide: (key) => createKey(command, key),
  });
  refuseOtherSecret(result.events[0]?.data as KeyCreated | undefined, command.fingerprint, out);
  return !result.duplicate;
};

const offerFirstSetup: Step = async ({ store, pepper }, { tenantId, out }, secrets, now) => {
  const { ownerId, setupToken, setupExpiresAt: expiresAt } = secrets;
  const fingerprint = fingerprintOf(pepper, setupToken);
  const result = await handle(store, setupDecider, {
    streamId: setupStream(ownerId),
    context: operatorContext(tenantId, now),
    commandId: steps.setup,
    decide: () => offerSetup({ ownerId, offerId: uuidv7(now), fingerprint, expiresAt }),
  });
  refuseOtherSecret(result.events[0]?.data as SetupOffered | undefined, fingerprint, out);
  return !result.duplicate;
};

/** A file whose secrets open nothing must not be taken for a good one: another run, or another pepper, was first. */
function refuseOtherSecret(
  stored: { readonly fingerprint: string } | undefined,
  fingerprint: string,
  out: string,
): void {
  if (stored?.fingerprint === fingerprint) return;
  throw new Error(
    `${out} holds other secrets than those that are stored: the tenant was made with another file or pepper`,
  );
}
