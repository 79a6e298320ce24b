import { AUTHORIZE, type Authorize } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { Asker } from '../../asker.js';
import { credentialPattern } from '../../secret/path.js';
import { type DialectRoute, type DialectRoutes, dialectRoute, writeMethods } from '../dialect-route.js';
import { questionsOf } from './capability-table.js';

// The answer repeats the paths as names: a key in the wrong place must not come back.
const path = z
  .string()
  .min(1)
  .max(1_024)
  .refine((text) => !credentialPattern.test(text), 'holds a key or a token');
const oneOrMore = z.union([path, z.array(path).min(1).max(16)]);
const body = z
  .object({ path: oneOrMore.optional(), paths: oneOrMore.optional() })
  .refine(({ path, paths }) => (path === undefined) !== (paths === undefined), { error: 'paths is missing' });

/** What the caller may do at paths: each question is a decision, and recorded. */
@Injectable()
export class CapabilityRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(AUTHORIZE) private readonly authorize: Authorize) {
    const spec = { path: '/v1/sys/capabilities-self', summary: 'What the caller may do at up to 16 paths', body };
    this.routes = [
      dialectRoute({ ...spec, methods: writeMethods }, async ({ body }, asker) => {
        const paths = [body.paths ?? body.path ?? []].flat();
        const found: [string, readonly string[]][] = [];
        for (const one of paths) found.push([one, await this.of(asker, one.replace(/^\//, ''))]);
        return { data: { ...Object.fromEntries(found), capabilities: found[0]?.[1] ?? [] }, onTop: true };
      }),
    ];
  }

  private async of({ caller, request }: Asker, path: string): Promise<readonly string[]> {
    const allowed: string[] = [];
    for (const { capability, action, resource } of questionsOf(path)) {
      const decision = await this.authorize(caller, action, resource, request, { asked: 'capabilities' });
      if (decision?.allowed === true) allowed.push(capability);
    }
    return allowed.length > 0 ? allowed.sort() : ['deny'];
  }
}
