import { type HttpRequest, ProblemError } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { BareAnswer } from '../dialect/answer.js';
import { tokenOf } from '../dialect/credentials.js';
import {
  type DialectRoute,
  type DialectRoutes,
  dialectRoute,
  publicDialectRoute,
  writeMethods,
} from '../dialect/dialect-route.js';
import { Wrapping } from './wrapping.service.js';

const path = '/v1/sys/wrapping';
const body = z.strictObject({ token: z.string().max(128).optional() }).nullish();
const problems = ['wrapping_token_invalid'];

/** `sys/wrapping/...`. The token that opens an answer is also who calls: it may do nothing else. */
@Injectable()
export class WrappingRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(@Inject(Wrapping) wrapping: Wrapping) {
    this.routes = [
      dialectRoute(
        {
          methods: writeMethods,
          path: `${path}/wrap`,
          summary: 'Wraps what is sent',
          body: z.record(z.string(), z.unknown()),
        },
        async (input, { request }) => {
          if (!request.headers['x-vault-wrap-ttl']) throw needsWrapping();
          return { data: input.body };
        },
      ),
      publicDialectRoute(
        { methods: writeMethods, path: `${path}/unwrap`, summary: 'Reads a wrapped answer, once', body, problems },
        async (input, request) => new BareAnswer(await wrapping.unwrap(sent(input.body?.token, request), request)),
      ),
      publicDialectRoute(
        { methods: writeMethods, path: `${path}/lookup`, summary: 'Tells of a wrapped answer', body, problems },
        async (input, request) => ({ data: await wrapping.lookup(sent(input.body?.token, request), request) }),
      ),
      publicDialectRoute(
        {
          methods: writeMethods,
          path: `${path}/rewrap`,
          summary: 'Gives a wrapped answer another token',
          body,
          problems,
        },
        async (input, request) => {
          const wrapInfo = await wrapping.rewrap(sent(input.body?.token, request), request);
          const empty = { lease_id: '', renewable: false, lease_duration: 0, data: null, warnings: null, auth: null };
          return new BareAnswer({ request_id: request.id, ...empty, wrap_info: wrapInfo });
        },
      ),
    ];
  }
}

/** In the body, or as the caller's own token. */
const sent = (token: string | undefined, request: HttpRequest): string => token ?? tokenOf(request) ?? '';

const needsWrapping = (): ProblemError =>
  new ProblemError('validation_failed', undefined, {
    errors: [{ path: 'headers.x-vault-wrap-ttl', message: 'says for how long, such as 120s' }],
  });
