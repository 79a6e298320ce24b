import type { Archive } from './archive.js';
import type { Export, Progress } from './export.js';
import { manifestText, readmeOf } from './readme.js';
import type { SealedArchive } from './sealed-archive.service.js';
import type { Found, Section } from './sections.service.js';

export interface MakeArchive {
  readonly job: Export;
  readonly sections: readonly Section[];
  readonly archive: Archive;
  readonly sealed: SealedArchive;
  /** Called at the begin of every section and after every page. */
  readonly report: (progress: Progress) => Promise<void>;
  readonly now: () => number;
}

/** Reads every section, a page at a time, into the archive; answers how many records it holds. */
export async function makeArchive(making: MakeArchive): Promise<number> {
  const { job, sections, archive, sealed, report } = making;
  const found: Found = { userId: job.userId, tenantIds: new Set([job.homeTenantId]) };
  const total = sections.length;
  let records = 0;
  writeWhole(archive, 'README.txt', readmeOf(sections));
  for (const [done, section] of sections.entries()) {
    const file = archive.open(`${section.name}.jsonl`);
    let inFile = 0;
    await report({ done, total, phase: section.name, records });
    for await (const page of section.read(found)) {
      for (const record of page) file.write(`${JSON.stringify(record)}\n`);
      inFile += page.length;
      await sealed.append(archive.take());
      await report({ done, total, phase: section.name, records: records + inFile });
    }
    file.close(inFile);
    records += inFile;
  }
  const { exportId, userId, requestedAt, askedBy } = job;
  const { type, id } = askedBy;
  const completedAt = new Date(making.now());
  const manifest = { exportId, userId, requestedAt, askedBy: { type, id }, completedAt, files: archive.files };
  writeWhole(archive, 'manifest.json', manifestText(manifest));
  archive.close();
  await sealed.append(archive.take());
  return records;
}

function writeWhole(archive: Archive, name: string, text: string): void {
  const file = archive.open(name);
  file.write(text);
  file.close(1);
}
