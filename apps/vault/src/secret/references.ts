import { ProblemError } from '@gatehouse/http';
import type { Asker } from '../asker.js';
import { isReferenceable, parseReference, splitPath } from './path.js';
import type { SecretAccess } from './secret-access.js';
import type { Secrets } from './secrets.js';
import { IntegrityViolation } from './stored-secret.js';
import type { SecretRead } from './views.js';

/** What a reference means, and what a path can't be referenced for. */
export class References {
  constructor(
    private readonly access: SecretAccess,
    private readonly secrets: Secrets,
  ) {}

  /**
   * Reads the secret that a `secret://` URI names.
   *
   * @throws ProblemError `validation_failed`, `reference_ambiguous`, and as {@link Secrets.read}
   */
  async read(asker: Asker, reference: string, version?: number): Promise<SecretRead> {
    const { tenantId } = asker.caller;
    const parsed = parseReference(reference);
    if (!parsed) throw invalid('is not secret://<tenant>/<scope>/<name in lower case>');
    if (parsed.tenantId !== tenantId) throw invalid('names another tenant');
    const path = await this.#pathOf(asker, parsed);
    return this.secrets.read(asker, path, { version });
  }

  /** Where nothing is there, the path as it was named: reading it decides what is told. */
  async #pathOf(asker: Asker, { scope, name }: { scope: string; name: string }): Promise<string> {
    const { tenantId } = asker.caller;
    const found = await this.access.parts.log.withReference(tenantId, scope, name);
    if (found.length > 1) {
      await this.access.admit(asker, 'secret.list', scope === '' ? 'tenant/secrets' : `secret/${scope}`);
      throw new ProblemError('reference_ambiguous', `It may mean ${found.join(' or ')}`, { members: { paths: found } });
    }
    const [path] = found;
    if (path === undefined) return scope === '' ? name : `${scope}/${name}`;
    const named = splitPath(path);
    if (named.scope === scope && named.name.toLowerCase() === name) return path;
    // Else a changed row would lead a reference to a secret of somebody's choice.
    const address = this.access.address(tenantId, path);
    return this.access.guarded(asker, address, () => Promise.reject(new IntegrityViolation('path_changed')));
  }

  /** What the writer of a new secret should know about its name. */
  async warnings(tenantId: string, path: string): Promise<readonly string[]> {
    if (!isReferenceable(path))
      return [
        'Only names of 1 to 128 characters of [A-Za-z0-9_] can be mounted or referenced; this one can be read by its path',
      ];
    const { scope, name } = splitPath(path);
    const others = await this.access.parts.log.withReference(tenantId, scope, name.toLowerCase());
    const rivals = others.filter((other) => other !== path);
    if (rivals.length === 0) return [];
    return [`The reference is ambiguous: ${rivals.join(', ')} differs by letter case only`];
  }
}

const invalid = (message: string) =>
  new ProblemError('validation_failed', undefined, { errors: [{ path: 'query.reference', message }] });
