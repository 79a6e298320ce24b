import { pause } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type { Keyring } from './keyring.js';
import type { RootKeyRotation, RotationPass } from './root-key-rotation.js';
import type { RetiringKey, TenantKeyRotation } from './tenant-key-rotation.js';

export interface RotationWorkerOptions {
  readonly keyring: Keyring;
  readonly rootKey: RootKeyRotation;
  readonly tenantKeys: TenantKeyRotation;
  readonly onProblem: (error: Error) => void;
  /** Between the last row that was rewrapped and the end of the former key: whoever read a row before may still open it. */
  readonly graceMs?: number;
}

const defaultGraceMs = 10_000;
const betweenMs = 2_000;
const longestPauseMs = 60_000;

/** Ends rotations: one replica at a time, and after a crash from wherever the tables are. */
export class RotationWorker {
  #failures = 0;

  constructor(private readonly options: RotationWorkerOptions) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const well = await this.once(signal);
      this.#failures = well ? 0 : this.#failures + 1;
      await pause(Math.min(longestPauseMs, betweenMs * 2 ** Math.min(this.#failures, 6)), signal);
    }
  }

  /** One look at what is to be done. False when some of it could not be. */
  async once(signal: AbortSignal): Promise<boolean> {
    const { keyring, rootKey, tenantKeys } = this.options;
    if (keyring.sealed) return true;
    const found = await this.#attempt('keys', async () => ({
      root: await rootKey.replaced(),
      tenants: await tenantKeys.retiring(),
    }));
    if (!found) return false;
    const { root, tenants } = found;
    const roots = root === undefined ? [] : [root];
    const cleanRoots = await this.#rewrapEach(roots, nameOfRoot, (id) => rootKey.rewrap(id, signal));
    const cleanTenants = await this.#rewrapEach(tenants, nameOfTenant, (key) => tenantKeys.rewrap(key, signal));
    let well = cleanRoots.length === roots.length && cleanTenants.length === tenants.length;
    if (cleanRoots.length + cleanTenants.length > 0) await pause(this.options.graceMs ?? defaultGraceMs, signal);
    if (signal.aborted) return well;
    const retirements = [
      ...cleanRoots.map((id) => ({ name: nameOfRoot(), retire: () => rootKey.retire(id) })),
      ...cleanTenants.map((key) => ({ name: nameOfTenant(key), retire: () => tenantKeys.retire(key) })),
    ];
    for (const { name, retire } of retirements) {
      const done = await this.#attempt(name, async () => {
        await retire();
        return true;
      });
      well &&= done === true;
    }
    return well;
  }

  /** Those of which every row is under the new key now. */
  async #rewrapEach<T>(keys: readonly T[], nameOf: (key: T) => string, rewrap: (key: T) => Promise<RotationPass>) {
    const clean: T[] = [];
    for (const key of keys) {
      const pass = await this.#attempt(nameOf(key), async () => refuseDamage(await rewrap(key)));
      if (pass) clean.push(key);
    }
    return clean;
  }

  async #attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      // The rotation of a tenant that sealed itself waits for the tenant.
      if (error instanceof ProblemError && error.code === 'tenant_sealed') return undefined;
      const { message } = error as Error;
      this.options.onProblem(new Error(`the rotation of ${what} goes on later: ${message}`, { cause: error }));
      return undefined;
    }
  }
}

const nameOfRoot = (): string => 'the root key';
const nameOfTenant = ({ tenantId }: RetiringKey): string => `the key of tenant ${tenantId}`;

function refuseDamage(pass: RotationPass): RotationPass {
  const [first] = pass.damaged;
  if (first === undefined) return pass;
  throw new Error(`${pass.damaged.length} rows do not open, first ${first}: the former key is kept for them`);
}
