import type { ArchivedFile } from './archive.js';

/** What a person finds on top of the archive. */
export const readmeOf = (sections: readonly { readonly name: string; readonly about: string }[]): string =>
  `Everything that this installation of Gatehouse holds on you.

Each file but this one and manifest.json has one JSON document a line. manifest.json lists the files, how many lines each
has, and its SHA-256.

${sections.map(({ name, about }) => `${`${name}.jsonl`.padEnd(28)}${about}.`).join('\n')}

Not in here, because it would let somebody act as you: passwords, keys, codes and tokens, of which only fingerprints are
kept. Names of organizations, teams, projects and keys stand in the log as they were written. Decisions of the last
seconds before the export may be missing. Keep this archive as you would keep the data itself.
`;

export interface Manifest {
  readonly exportId: string;
  readonly userId: string;
  readonly requestedAt: Date;
  readonly askedBy: { readonly type: string; readonly id: string };
  readonly completedAt: Date;
  readonly files: readonly ArchivedFile[];
}

/** @example manifestText({ exportId, userId, requestedAt, askedBy, completedAt, files: archive.files }) */
export const manifestText = (manifest: Manifest): string => `${JSON.stringify({ format: 1, ...manifest }, null, 2)}\n`;
