import { asTenant } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Asker } from '../asker.js';
import { maxReached, type ReachedVersion, reachedBy, type Suspect } from '../disclosure/blast-radius.js';
import type { Secrets } from '../secret/secrets.js';
import { parseRule, randomText, ruleMember } from './rotation-rule.js';

/** `needs_value`: nothing says how a value of it is made. */
export type RotationOutcome = 'rotated' | 'would_rotate' | 'needs_value' | 'refused' | 'changed_meanwhile';

export interface Rotation {
  readonly path: string;
  readonly outcome: RotationOutcome;
  /** The version that is in use now. */
  readonly version: number;
}

/** Secrets replaced by one call: each is two decisions and a commit. */
const maxAtOnce = 100;

/** Replaces what an identity knows, as far as a new value can be made here. */
export class Rotating {
  constructor(
    private readonly pool: pg.Pool,
    private readonly secrets: Secrets,
  ) {}

  /** Of each secret the suspect was given, the version in use. `more`: call again for the rest. */
  async rotate(asker: Asker, suspect: Suspect, isDryRun: boolean): Promise<{ secrets: Rotation[]; more: boolean }> {
    const { tenantId } = asker.caller;
    const reached = await asTenant(this.pool, tenantId, (client) => reachedBy(client, tenantId, suspect));
    const inUse = reached.filter(({ version, currentVersion }) => version === currentVersion);
    const rotations: Rotation[] = [];
    let done = 0;
    for (const of of inUse) {
      if (done === maxAtOnce) break;
      const rotation = await this.#rotateOne(asker, of, isDryRun);
      rotations.push(rotation);
      if (rotation.outcome === 'rotated') done++;
    }
    return { secrets: rotations, more: rotations.length < inUse.length || reached.length > maxReached };
  }

  async #rotateOne(asker: Asker, { path, version }: ReachedVersion, isDryRun: boolean): Promise<Rotation> {
    try {
      const { customMetadata, currentVersion } = await this.secrets.metadata(asker, path);
      if (currentVersion !== version) return { path, version: currentVersion, outcome: 'changed_meanwhile' };
      const rule = parseRule(customMetadata?.[ruleMember]);
      if (!rule) return { path, version, outcome: 'needs_value' };
      if (isDryRun) return { path, version, outcome: 'would_rotate' };
      const change = { [rule.member]: randomText(rule.length) };
      const written = await this.secrets.patch(asker, path, change, { cas: version });
      return { path, version: written.version, outcome: 'rotated' };
    } catch (error) {
      const outcome = error instanceof ProblemError ? outcomes[error.code] : undefined;
      if (!outcome) throw error;
      return { path, version, outcome };
    }
  }
}

/** What is no failure of the whole. */
const outcomes: Readonly<Record<string, RotationOutcome>> = {
  forbidden: 'refused',
  check_and_set: 'changed_meanwhile',
  not_found: 'changed_meanwhile',
};
