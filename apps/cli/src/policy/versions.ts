import { defineCommand } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import { formatReference, type Reference } from '../reference.js';
import { type Active, type FullVersion, findVersion, listVersions, policyPath, readActive } from './policy-api.js';

interface Request {
  readonly requestId: string;
  readonly kind: string;
  readonly digest?: string | null;
  readonly reason: string;
  readonly requestedBy: Reference;
  readonly expiresAt: string;
}

export const showVersions = defineCommand({
  command: 'versions',
  describe: 'List the versions of the policy, which one decides, and what waits for approval',
  run: async (_flags, { client, output }) => {
    const known = client();
    const { versions } = await listVersions(known);
    const active = await readActive(known);
    const { requests } = await known.get<{ requests: Request[] }>(`${policyPath}/activations`, { limit: 1 });
    if (output.isJson) {
      output.json({ ...active, versions, requests });
      return undefined;
    }
    output.facts([
      ['active', active.digest ?? 'the built-in roles alone'],
      ['mode', wordsOf(active)],
    ]);
    output.table(
      ['DIGEST', 'TITLE', 'BYTES', 'DRAFTED BY', 'DRAFTED', 'ACTIVATED'],
      versions.map((version) => [
        version.digest,
        version.title,
        String(version.bytes),
        formatReference(version.draftedBy),
        output.time(version.draftedAt),
        output.time(version.activatedAt ?? undefined),
      ]),
    );
    if (requests.length > 0)
      output.table(
        ['WAITS FOR APPROVAL', 'WHAT', 'REASON', 'ASKED BY', 'UNTIL'],
        requests.map((request) => [
          request.requestId,
          request.digest === undefined ? request.kind : (request.digest ?? 'builtin'),
          request.reason,
          formatReference(request.requestedBy),
          output.time(request.expiresAt),
        ]),
      );
    return undefined;
  },
});

const wordsOf = ({ mode, fourEyes }: Active): string =>
  `${mode === 'strict' ? 'strict' : 'audit-only: would-be denials are recorded and allowed'}${fourEyes ? ', four eyes' : ''}`;

export const showVersion = defineCommand({
  command: 'show [digest]',
  describe: 'Print the policy of a version as JSON; the active one unless another is named',
  options: (parser) => parser.positional('digest', { type: 'string', describe: 'sha256:... or its beginning' }),
  run: async ({ digest }, { client, output }) => {
    const known = client();
    const wanted = digest === undefined ? (await readActive(known)).digest : await findVersion(known, digest);
    if (wanted === null) throw new Failure(exitCodes.negative, 'no version is active: the built-in roles alone decide');
    const version = await known.get<FullVersion>(`${policyPath}/versions/${wanted}`);
    if (output.isJson) output.json(version);
    else {
      output.json(version.document);
      output.note(`${version.digest} ${version.title}`);
    }
    return undefined;
  },
});
