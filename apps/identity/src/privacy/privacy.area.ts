import type { Area, AreaContext, AreaParts } from '../area.js';
import { DownloadExportController } from './export/download-export.controller.js';
import { ExportRows } from './export/export-rows.service.js';
import { ExportWorker } from './export/export-worker.service.js';
import { ReadExportsController } from './export/read-exports.controller.js';
import { RequestExportController } from './export/request-export.controller.js';
import { sectionsOf } from './export/sections.service.js';
import { type JobLoop, runJobs } from './job/job-loop.service.js';
import { PersonAccess } from './person-access.service.js';
import { ErasedSubjects1700000000090, Privacy1700000000091 } from './privacy.migration.js';
import './refusals.js';
import { EXPORT_LIFETIME, type ExportLifetime } from './tokens.js';

const hourMs = 3_600_000;

export const privacyArea: Area = {
  migrations: [ErasedSubjects1700000000090, Privacy1700000000091],
  compose: (context) => {
    const { platform, settings, store, people } = context;
    const rows = new ExportRows(platform.database.system);
    const worker = exportWorker(context, rows);
    const loops: JobLoop[] = [];
    const lifetime: ExportLifetime = { ms: settings.EXPORT_LIFETIME_HOURS * hourMs };
    return {
      controllers: [RequestExportController, ReadExportsController, DownloadExportController],
      providers: [
        { provide: ExportRows, useValue: rows },
        { provide: EXPORT_LIFETIME, useValue: lifetime },
        {
          provide: PersonAccess,
          useValue: new PersonAccess({ store, people, operatorTenant: platform.settings.OPERATOR_TENANT }),
        },
      ],
      personalData: [exportsOfPerson(rows)],
      start: () => void loops.push(runJobs(platform, 'exports', worker.doNext)),
      stop: async () => void (await Promise.all(loops.map((loop) => loop.stop()))),
    };
  },
};

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

const exportsOfPerson = (rows: ExportRows): NonNullable<AreaParts['personalData']>[number] => ({
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
