import type { Area, AreaContext, AreaParts, PersonalData } from '../area.js';
import { CancelErasureController } from './erasure/cancel-erasure.controller.js';
import { ErasureRows } from './erasure/erasure-rows.service.js';
import { ErasureWorker } from './erasure/erasure-worker.service.js';
import { LastOwners } from './erasure/last-owners.service.js';
import { ReadErasuresController } from './erasure/read-erasures.controller.js';
import { RequestErasureController } from './erasure/request-erasure.controller.js';
import { erasureSteps } from './erasure/steps.service.js';
import { DownloadExportController } from './export/download-export.controller.js';
import { ExportRows } from './export/export-rows.service.js';
import { ExportWorker } from './export/export-worker.service.js';
import { ReadExportsController } from './export/read-exports.controller.js';
import { RequestExportController } from './export/request-export.controller.js';
import { sectionsOf } from './export/sections.service.js';
import { rowsHeld } from './held/rows-held.service.js';
import { type JobLoop, runJobs } from './job/job-loop.service.js';
import { LedgerPlaces } from './ledger-places.service.js';
import { PersonAccess } from './person-access.service.js';
import { ErasedSubjects1700000000090, Privacy1700000000091 } from './privacy.migration.js';
import './refusals.js';
import { RetentionController } from './retention/retention.controller.js';
import { retentionProjection } from './retention/retention.projection.js';
import { RetentionJob } from './retention/retention-job.service.js';
import { sweepsOf } from './retention/sweeps.service.js';
import { ERASURE_GRACE, type ErasureGrace, EXPORT_LIFETIME, type ExportLifetime, RETENTION_KINDS } from './tokens.js';

const hourMs = 3_600_000;

export const privacyArea: Area = {
  migrations: [ErasedSubjects1700000000090, Privacy1700000000091],
  inline: () => [retentionProjection],
  compose: (context) => {
    const { platform } = context;
    const exports = new ExportRows(platform.database.system);
    const erasures = new ErasureRows(platform.database.system);
    const owners = new LastOwners(context.memberships, platform.settings.OPERATOR_TENANT);
    const jobs = {
      exports: exportWorker(context, exports),
      erasures: erasureWorker(context, erasures, owners),
    };
    const retention = retentionJob(context);
    const loops: JobLoop[] = [];
    return {
      controllers,
      providers: [
        ...providersOf(context),
        { provide: ExportRows, useValue: exports },
        { provide: ErasureRows, useValue: erasures },
        { provide: LastOwners, useValue: owners },
      ],
      retention: sweepsOf(platform.database.system, exports),
      personalData: [...rowsHeld(platform.database.system), exportsOfPerson(exports)],
      start: () => {
        for (const [name, { doNext }] of Object.entries(jobs)) loops.push(runJobs(platform, name, doNext));
        loops.push(platform.exclusively('retention', ({ signal }) => retention.run(signal)));
      },
      stop: async () => void (await Promise.all(loops.map((loop) => loop.stop()))),
    };
  },
};

const retentionJob = ({ platform, store, retention }: AreaContext): RetentionJob =>
  new RetentionJob({
    store,
    pool: platform.database.system,
    kinds: retention,
    operatorTenant: platform.settings.OPERATOR_TENANT,
    onError: platform.warn('what is over could not be removed and will be tried again'),
  });

const controllers = [
  RequestExportController,
  ReadExportsController,
  DownloadExportController,
  RequestErasureController,
  ReadErasuresController,
  CancelErasureController,
  RetentionController,
];

function providersOf({
  platform,
  settings,
  store,
  people,
  retention,
}: AreaContext): NonNullable<AreaParts['providers']> {
  const lifetime: ExportLifetime = { ms: settings.EXPORT_LIFETIME_HOURS * hourMs };
  const grace: ErasureGrace = { hours: settings.ERASURE_GRACE_HOURS };
  const operatorTenant = platform.settings.OPERATOR_TENANT;
  const onError = platform.warn('audit could not be asked where an entry stands');
  return [
    { provide: EXPORT_LIFETIME, useValue: lifetime },
    { provide: ERASURE_GRACE, useValue: grace },
    { provide: RETENTION_KINDS, useValue: retention },
    { provide: PersonAccess, useValue: new PersonAccess({ store, people, operatorTenant }) },
    { provide: LedgerPlaces, useValue: new LedgerPlaces({ store, bus: () => platform.bus.nc, onError }) },
  ];
}

function erasureWorker(context: AreaContext, rows: ErasureRows, owners: LastOwners): ErasureWorker {
  const { platform, store, people, memberships, account, personalData } = context;
  const pool = platform.database.system;
  const { sessions } = account;
  return new ErasureWorker({
    store,
    rows,
    steps: () => erasureSteps({ store, pool, people, memberships, sessions, owners, personalData }),
    onError: platform.warn('an erasure failed and will be tried again'),
  });
}

function exportWorker(context: AreaContext, rows: ExportRows): ExportWorker {
  const { platform, settings, store, people, subjectKeys, personalData } = context;
  const pool = platform.database.system;
  return new ExportWorker({
    store,
    rows,
    subjectKeys,
    pool,
    maxBytes: settings.EXPORT_MAX_MB * 1024 ** 2,
    sections: () => sectionsOf({ pool, people, subjectKeys, personalData, bus: () => platform.bus.nc }),
    onError: platform.warn('an export failed and will be tried again'),
  });
}

const exportsOfPerson = (rows: ExportRows): PersonalData => ({
  kind: 'exports',
  read: async (userId) =>
    (await rows.ofPerson(userId, undefined, 1_000)).map(({ exportId, askedBy, status, requestedAt, expiresAt }) => ({
      exportId,
      askedBy: { type: askedBy.type, id: askedBy.id },
      status,
      requestedAt,
      expiresAt,
    })),
  erase: (userId) => rows.remove({ userId }),
});
