import {
  createTokenVerifier,
  knownCallersProjection,
  knownIssuersProjection,
  knownKeysProjection,
  tokenAudience,
} from '@gatehouse/authn';
import { serve } from '@gatehouse/bus';
import { observe } from '@gatehouse/contracts';
import { loadRootKey } from '@gatehouse/crypto';
import { PostgresEventStore } from '@gatehouse/event-store';
import { asInline } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import type { DynamicModule } from '@nestjs/common';
import type pg from 'pg';
import type { z } from 'zod';
import { accountArea } from './account/account.area.js';
import { createAccount } from './account/account.service.js';
import { alertArea } from './alert/alert.area.js';
import type { Area, AreaContext, AreaParts, Secrets } from './area.js';
import { bootstrapCommand } from './bootstrap/bootstrap.command.js';
import { offerSetupCommand } from './bootstrap/offer-setup.command.js';
import { factorArea } from './factor/factor.area.js';
import { federationArea } from './federation/federation.area.js';
import { keyArea } from './key/key.area.js';
import { mailArea } from './mail/mail.area.js';
import { Mailbox } from './mail/mailbox.service.js';
import { MeController } from './me/me.controller.js';
import { Observations } from './observation/observations.service.js';
import { oidcArea } from './oidc/oidc.area.js';
import { People } from './person/people.service.js';
import { personArea } from './person/person.area.js';
import { reapplyErasuresCommand } from './privacy/erasure/reapply-erasures.command.js';
import { privacyArea } from './privacy/privacy.area.js';
import { satelliteArea } from './satellite/satellite.area.js';
import { identitySettings } from './settings.js';
import { setupArea } from './setup/setup.area.js';
import { signingKeyArea } from './signing-key/signing-key.area.js';
import { SigningKeys } from './signing-key/signing-keys.service.js';
import { databaseProblem, refuseSharedKey, refuseWrongDatabase } from './start-checks.service.js';
import { Memberships } from './tenancy/memberships.service.js';
import { tenancyArea } from './tenancy/tenancy.area.js';
import { SubjectKeys } from './user/subject-keys.service.js';

const service = 'identity';

/** Every part of this service. Migrations run by their number, whatever the order here. */
const areas: readonly Area[] = [
  setupArea,
  personArea,
  signingKeyArea,
  mailArea,
  keyArea,
  tenancyArea,
  accountArea,
  factorArea,
  oidcArea,
  federationArea,
  satelliteArea,
  alertArea,
  privacyArea,
];
const migrations = areas.flatMap((area) => area.migrations);

export const identityService: ServiceDefinition<typeof identitySettings> = {
  name: service,
  settings: identitySettings,
  entities: areas.flatMap((area) => area.entities ?? []),
  migrations,
  compose,
  commands: {
    bootstrap: bootstrapCommand(openStore),
    'offer-setup': offerSetupCommand(openStore),
    'reapply-erasures': reapplyErasuresCommand(openStore),
  },
};

const inlineProjections = (secrets: Secrets) => areas.flatMap((area) => area.inline?.(secrets) ?? []);

/** The log with the read models that are written with it, on connections of the request role. */
function openStore(pool: pg.Pool, secrets: Secrets): PostgresEventStore {
  const inline = inlineProjections(secrets).map((projection) => asInline(projection, service));
  return new PostgresEventStore({ service, pool, inline });
}

function compose(platform: Platform, settings: z.output<typeof identitySettings>): Composition {
  const secrets = { root: loadRootKey(settings.ROOT_KEY_FILE), pepper: platform.pepper };
  refuseSharedKey(secrets.pepper, secrets.root);
  const parts: AreaParts[] = [];
  const context = contextOf(platform, settings, secrets, {
    personalData: () => parts.flatMap(({ personalData = [] }) => personalData),
    retention: () => parts.flatMap(({ retention = [] }) => retention),
  });
  for (const area of areas) parts.push(area.compose?.(context) ?? {});
  platform.bus.whenConnected((nc) => serve(nc, observe, (report) => context.observations.take(report)));
  platform.acceptTokens(ownTokens(context));
  const callers = [knownKeysProjection(service), knownCallersProjection(service), knownIssuersProjection];
  const following = [...callers, ...parts.flatMap(({ projections = [] }) => projections)];
  for (const projection of [...inlineProjections(secrets), ...following]) platform.project(projection);
  const problem = () =>
    databaseProblem(
      platform.database.system,
      migrations.map(({ name }) => name),
      secrets.root,
    );
  return {
    module: identityModule(context, parts),
    checks: [
      { name: 'schema', check: async () => toCheck(await problem()) },
      ...parts.flatMap(({ checks = [] }) => checks),
    ],
    start: async () => {
      await refuseWrongDatabase(problem());
      for (const { start } of parts) await start?.();
    },
    stop: async () => {
      for (const { stop } of [...parts].reverse()) await stop?.();
    },
  };
}

/** Our own tokens, checked with the keys in memory: nobody asks the network who he is himself. */
const ownTokens = ({ settings, signingKeys }: AreaContext) =>
  createTokenVerifier({
    issuer: settings.PUBLIC_URL,
    audience: tokenAudience,
    typ: 'at+jwt',
    keys: (header) => signingKeys.verificationKey(header),
  });

function contextOf(
  platform: Platform,
  settings: z.output<typeof identitySettings>,
  secrets: Secrets,
  ofAllAreas: Pick<AreaContext, 'personalData' | 'retention'>,
): AreaContext {
  const { request, system } = platform.database;
  const subjectKeys = new SubjectKeys(request, secrets.root);
  const store = openStore(request, secrets);
  const context = {
    ...secrets,
    platform,
    settings,
    store,
    subjectKeys,
    people: new People(system, subjectKeys, secrets.pepper),
    memberships: new Memberships(system),
    mailbox: new Mailbox(subjectKeys),
    observations: new Observations(),
    ...ofAllAreas,
    signingKeys: new SigningKeys({
      pool: system,
      root: secrets.root,
      algorithm: settings.TOKEN_ALGORITHM,
      recordIn: { store, tenantId: settings.OPERATOR_TENANT },
      onError: platform.warn('signing keys could not be read'),
    }),
  };
  return { ...context, account: createAccount(context) };
}

const toCheck = (problem: string | undefined) => (problem === undefined ? 'ok' : { problem });

const identityModule = ({ store }: AreaContext, parts: readonly AreaParts[]): DynamicModule => ({
  module: class IdentityModule {},
  controllers: [MeController, ...parts.flatMap(({ controllers = [] }) => controllers)],
  providers: [{ provide: PostgresEventStore, useValue: store }, ...parts.flatMap(({ providers = [] }) => providers)],
});
