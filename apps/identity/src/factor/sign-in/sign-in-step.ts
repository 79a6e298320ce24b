import type { HttpRequest } from '@gatehouse/http';
import { z } from 'zod';
import { refuseCrossSite } from '../../account/refresh-cookie.js';
import { placeOf } from '../../account/request-place.js';
import type { Step } from './second-step.service.js';

export const loginPath = '/api/v1/auth/login';

/** What every step of a sign-in is told: which sign-in, and where its refresh token goes. */
export const challengeToken = z.string().max(128);
export const cookie = z
  .boolean()
  .default(false)
  .describe('True: the refresh token goes into a cookie that no script reads');

/** @throws ProblemError `cross_site_refused` when another site's page asks for a cookie */
export function stepOf(request: HttpRequest, inCookie: boolean, tenantId?: string): Step {
  if (inCookie) refuseCrossSite(request);
  return { request, signIn: { ...placeOf(request), now: Date.now(), tenantId } };
}
