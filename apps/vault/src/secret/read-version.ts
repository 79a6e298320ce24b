import { ProblemError } from '@gatehouse/http';
import type { Asker } from '../asker.js';
import type { Address } from './addresses.js';
import { openSealed, placeOf, sealedOf } from './opened-version.js';
import { deletionTime, type VersionState } from './secret.js';
import type { SecretAccess } from './secret-access.js';
import type { ReadRow } from './secret-log.js';
import { IntegrityViolation } from './stored-secret.js';
import { type SecretContext, type SecretRead, versionView } from './views.js';

export const noSecret = () => new ProblemError('not_found', 'There is no such secret');

export interface FoundVersion {
  readonly of: SecretContext;
  readonly number: number;
  readonly state: VersionState;
}

/** The row of a version, 0 for the current one, and what it proves to be. @throws IntegrityViolation */
export async function findVersion(
  access: SecretAccess,
  tenantId: string,
  address: Address,
  row: ReadRow,
  wanted: number,
): Promise<FoundVersion | undefined> {
  const of = await access.believed(tenantId, address, row);
  if (!of) return undefined;
  const number = wanted === 0 ? of.secret.currentVersion : wanted;
  const state = of.secret.versions[number];
  return state && { of, number, state };
}

/** A version, 0 for the current one; `data` is null when it is deleted, expired or destroyed. @throws ProblemError */
export async function readVersion(
  access: SecretAccess,
  asker: Asker,
  path: string,
  version: number,
): Promise<SecretRead> {
  const { tenantId } = asker.caller;
  const { keyring } = access.parts;
  const address = access.address(tenantId, path);
  if (keyring.sealed) throw new ProblemError('sealed');
  // Known or not, what follows is told only to whoever may read it.
  const { row, found, violation } = await allowedRow(access, asker, address, version);
  return access.guarded(asker, address, async () => {
    if (violation) throw violation;
    const sealed = sealedOf(row, found?.of.secret.secretId, found?.number ?? version, found?.state);
    if (!found) throw noSecret();
    const { of, number, state } = found;
    const now = Date.now();
    const view = versionView(of, number, state, now);
    if (sealed === null || deletionTime(state, now) !== undefined) return { ...view, data: null };
    return { ...view, data: await openSealed(keyring, placeOf(tenantId, of.secret.secretId, number), sealed) };
  });
}

type Noted = Readonly<Record<string, string | number>>;

/** What the decision notes: which version is meant, 0 when it is not there or what is there can't be believed. */
const notedOf = (found: FoundVersion | undefined): Noted =>
  found ? { version: found.number, secretId: found.of.secret.secretId } : { version: 0 };

const isSame = (one: Noted, other: Noted): boolean => one.version === other.version && one.secretId === other.secretId;

interface Looked {
  readonly row: ReadRow;
  readonly found?: FoundVersion | undefined;
  /** What is wrong with the row: told after the decision, like everything about it. */
  readonly violation?: IntegrityViolation;
}

/**
 * The row, once the caller is allowed to read the version that it holds. Where the version can be foreseen, the decision is
 * asked for while PostgreSQL looks; if the row then is of another (somebody wrote meanwhile), that one is decided, too: what is opened
 * always has an allow that names it.
 */
async function allowedRow(access: SecretAccess, asker: Asker, address: Address, version: number): Promise<Looked> {
  const admit = (noted: Noted) => access.admit(asker, 'secret.read', `secret/${address.path}`, noted);
  const looking = look(access, asker.caller.tenantId, address, version);
  const expected = foreseen(access, address, version);
  if (expected === undefined) {
    const looked = await looking;
    await admit(notedOf(looked.found));
    return looked;
  }
  const admitted = admit(expected).catch(async (error) => {
    // A refusal takes a decision and a look-up, one after the other, for what was seen before as for what is not there.
    await access.rowOf(asker.caller.tenantId, address, version).catch(() => undefined);
    throw error;
  });
  const [looked] = await Promise.all([looking, admitted]);
  const actual = notedOf(looked.found);
  if (!isSame(expected, actual)) await admit(actual);
  return looked;
}

async function look(access: SecretAccess, tenantId: string, address: Address, version: number): Promise<Looked> {
  const row = await access.rowOf(tenantId, address, version);
  try {
    return { row, found: await findVersion(access, tenantId, address, row, version) };
  } catch (error) {
    if (!(error instanceof IntegrityViolation)) throw error;
    return { row, violation: error };
  }
}

function foreseen(access: SecretAccess, { streamId }: Address, version: number): Noted | undefined {
  const secret = access.parts.log.lastSeen(streamId);
  if (!secret) return undefined;
  const number = version === 0 ? secret.currentVersion : version;
  return secret.versions[number] && { version: number, secretId: secret.secretId };
}
