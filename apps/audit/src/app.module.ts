import {
  knownCallersProjection,
  knownDevicesProjection,
  knownIssuersProjection,
  knownKeysProjection,
} from '@gatehouse/authn';
import type { TileReader } from '@gatehouse/merkle';
import type { Projection } from '@gatehouse/projection';
import type { Composition, Platform, ServiceDefinition } from '@gatehouse/service';
import type { DynamicModule } from '@nestjs/common';
import type { z } from 'zod';
import { adoptHead } from './checkpoint/adopt-head.command.js';
import { CheckpointController } from './checkpoint/checkpoint.controller.js';
import { EntriesController } from './entry/entries.controller.js';
import { EntryRecord } from './entry/entry.entity.js';
import { fsck } from './fsck/fsck.command.js';
import { cachedTiles } from './ledger/cached-tiles.js';
import { ledgerChecks, registerLedgerMetrics } from './ledger/ledger-health.js';
import { type Ledger, openLedger } from './ledger/open-ledger.js';
import { storedTiles } from './ledger/stored-tiles.js';
import { Foundation1795312800000 } from './migrations/1795312800000-foundation.js';
import { KnownCallers1795312800001 } from './migrations/1795312800001-known-callers.js';
import { KnownIssuers1795312800052 } from './migrations/1795312800052-known-issuers.js';
import { PersonalData1795312800090 } from './migrations/1795312800090-personal-data.js';
import { DecisionBatches1795312800107 } from './migrations/1795312800107-decision-batches.js';
import { KnownDevices1795312800130 } from './migrations/1795312800130-known-devices.js';
import { servePersonalData } from './personal-data/serve-personal-data.js';
import { ProofsController } from './proof/proofs.controller.js';
import { auditSettings } from './settings.js';
import { LOG_KEY, TILES } from './tokens.js';

export const auditService: ServiceDefinition<typeof auditSettings> = {
  name: 'audit',
  settings: auditSettings,
  entities: [EntryRecord],
  migrations: [
    Foundation1795312800000,
    KnownCallers1795312800001,
    KnownIssuers1795312800052,
    PersonalData1795312800090,
    DecisionBatches1795312800107,
    KnownDevices1795312800130,
  ],
  compose,
  commands: { fsck, 'adopt-head': adoptHead },
};

async function compose(platform: Platform, settings: z.output<typeof auditSettings>): Promise<Composition> {
  const ledger = await openLedger(platform, settings);
  // The ledger leaves nothing out: it parks no event, and one replica at a time keeps its order.
  platform.consume({
    durable: 'audit_ledger',
    sources: ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'],
    parks: false,
    exclusive: true,
    apply: ledger.sequencer.apply,
  });
  follow(platform, 'audit_keys', knownKeysProjection('audit'));
  follow(platform, 'audit_callers', knownCallersProjection('audit'));
  follow(platform, 'audit_issuers', knownIssuersProjection);
  follow(platform, 'audit_devices', knownDevicesProjection, 'registry');
  platform.bus.whenConnected((nc) =>
    servePersonalData(nc, platform.database.system, platform.warn('a person could not be looked up')),
  );
  const removeMetrics = registerLedgerMetrics(ledger);
  return {
    module: auditModule(ledger, cachedTiles(storedTiles(platform.database.system))),
    checks: ledgerChecks(ledger),
    start: () => ledger.start(),
    stop: async () => {
      removeMetrics();
      await ledger.stop();
    },
  };
}

const follow = (platform: Platform, durable: string, { apply }: Projection, source = 'identity'): unknown =>
  platform.consume({ durable, sources: [source], parks: true, exclusive: true, apply });

const auditModule = ({ key }: Ledger, tiles: TileReader): DynamicModule => ({
  module: class AuditModule {},
  controllers: [EntriesController, ProofsController, CheckpointController],
  providers: [
    { provide: LOG_KEY, useValue: key },
    { provide: TILES, useValue: tiles },
  ],
});
