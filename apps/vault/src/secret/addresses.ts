import type { Pepper } from '@gatehouse/crypto';
import { ProblemError } from '@gatehouse/http';
import { isRecordedWhole } from '@gatehouse/telemetry';
import { pathFault } from './path.js';
import { recordablePath } from './recordable-path.js';
import { secretStream } from './stored-secret.js';

/** Where a secret lies. */
export interface Address {
  readonly path: string;
  readonly streamId: string;
  /** The path as it may be recorded. */
  readonly recorded: string;
}

const maxKnown = 8_192;

const invalidPath = (message: string): ProblemError =>
  new ProblemError('validation_failed', undefined, { errors: [{ path: 'path', message }] });

/** Addresses follow from tenant and path alone, so those that were asked for lately are not worked out again. */
export class Addresses {
  readonly #pepper: Pepper;
  readonly #known = new Map<string, Address>();

  constructor(pepper: Pepper) {
    this.#pepper = pepper;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** @throws ProblemError `validation_failed` */
  of(tenantId: string, path: string): Address {
    // No tenant's id has a line break, so no two pairs give the same text.
    const key = `${tenantId}\n${path}`;
    const known = this.#known.get(key);
    if (known) return known;
    const made = this.#made(tenantId, path);
    if (this.#known.size >= maxKnown) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(key, made);
    return made;
  }

  #made(tenantId: string, path: string): Address {
    const fault = pathFault(path);
    if (fault !== undefined) throw invalidPath(fault);
    // Policy decides on the form that is recorded, and would not see the end of this one.
    if (!isRecordedWhole(this.#pepper, path)) throw invalidPath('has more addresses in it than there is room for');
    return { path, streamId: secretStream(this.#pepper, tenantId, path), recorded: recordablePath(this.#pepper, path) };
  }
}
