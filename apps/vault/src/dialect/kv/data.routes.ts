import { ProblemError } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import { isReferenceable } from '../../secret/path.js';
import { Secrets } from '../../secret/secrets.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect-route.js';
import { pathParams, subkeysQuery, versionQuery, versionsBody, writeBody } from './input.js';
import { versionAnswer, versionMetadata } from './views.js';

const path = '/v1/secret/data/*';
const params = pathParams;
const writeProblems = ['check_and_set', 'check_and_set_required', 'not_found', 'sealed'] as const;

/** Versions of secrets: `data/`, `subkeys/`, and what deletes, restores and destroys them. */
@Injectable()
export class KvDataRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(Secrets) private readonly secrets: Secrets) {
    this.routes = [this.read(), this.subkeys(), this.write(), this.patch(), this.remove(), ...this.versionChanges()];
  }

  private read() {
    const summary = 'A version of a secret, the current one unless said otherwise';
    const spec = { path, summary, params, query: versionQuery, problems: ['not_found', 'sealed'] };
    return dialectRoute({ ...spec, methods: ['GET'] }, async ({ params, query }, asker) =>
      versionAnswer(await this.secrets.read(asker, params['*'], query)),
    );
  }

  private subkeys() {
    const summary = 'The names in a version, without the values';
    const spec = { path: '/v1/secret/subkeys/*', summary, params, query: subkeysQuery, problems: ['not_found'] };
    return dialectRoute({ ...spec, methods: ['GET'] }, async ({ params, query: { version, depth } }, asker) => {
      const asked = { ...(version !== undefined && { version }), ...(depth !== undefined && { depth }) };
      const { subkeys, ...view } = await this.secrets.subkeys(asker, params['*'], asked);
      return { status: subkeys === null ? 404 : 200, data: { metadata: versionMetadata(view), subkeys } };
    });
  }

  private write() {
    const summary = 'A new version of a secret';
    const spec = { path, summary, params, body: writeBody, problems: writeProblems };
    return dialectRoute({ ...spec, methods: writeMethods }, async ({ params, body: { data, options } }, asker) => {
      const view = await this.secrets.write(asker, params['*'], data, { cas: options?.cas });
      return { data: versionMetadata(view), warnings: view.version === 1 ? warningsOf(view.path) : [] };
    });
  }

  private patch() {
    const summary = 'A new version: what is sent, merged into the current one (RFC 7396)';
    const spec = { path, summary, params, body: writeBody, problems: writeProblems };
    return dialectRoute({ ...spec, methods: ['PATCH'] }, async ({ params, body: { data, options } }, asker) => {
      const { cas } = options ?? {};
      if (cas === 0) throw new ProblemError('check_and_set', 'A patch changes what is there: cas is above 0');
      const view = await this.secrets.patch(asker, params['*'], data, cas === undefined ? {} : { cas });
      return { data: versionMetadata(view) };
    });
  }

  private remove() {
    const summary = 'Deletes the current version; it can be restored';
    return dialectRoute({ methods: ['DELETE'], path, summary, params }, ({ params }, asker) =>
      doneOrNothing(this.secrets.remove(asker, params['*'])),
    );
  }

  private versionChanges(): readonly DialectRoute[] {
    const changes = [
      ['delete', 'Deletes versions; they can be restored', 'remove'],
      ['undelete', 'Restores deleted versions', 'restore'],
      ['destroy', 'Destroys versions for good', 'destroy'],
    ] as const;
    return changes.map(([name, summary, change]) =>
      dialectRoute(
        { methods: writeMethods, path: `/v1/secret/${name}/*`, summary, params, body: versionsBody },
        ({ params, body }, asker) => doneOrNothing(this.secrets[change](asker, params['*'], body.versions)),
      ),
    );
  }
}

/** 204, also where there was nothing to do it to: so says Vault. */
async function doneOrNothing(work: Promise<unknown>): Promise<undefined> {
  await work.catch((error: unknown) => {
    if (!(error instanceof ProblemError) || error.code !== 'not_found') throw error;
  });
}

const warningsOf = (path: string): readonly string[] =>
  isReferenceable(path)
    ? []
    : ['The name has characters beside A-Z, a-z, 0-9 and _: it cannot be mounted or referenced by {{ secret.NAME }}'];
