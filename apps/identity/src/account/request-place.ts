import type { HttpRequest } from '@gatehouse/http';

/** Where a request came from and in which trace, as sign-ins take it. */
export function placeOf(request: HttpRequest) {
  const userAgent = request.headers['user-agent'];
  return {
    ip: request.ip,
    ...(typeof userAgent === 'string' && { userAgent }),
    ...(request.trace && { traceId: request.trace.traceId }),
  };
}
