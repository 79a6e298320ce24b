import type { Access } from './access.js';
import type { RouteSeries } from './access-log.js';
import type { RouteSpec } from './route.js';

/** One served route. `access` is absent when nobody wrote down who may call it: such a route refuses everybody. */
export interface ListedRoute {
  readonly method: string;
  readonly path: string;
  readonly access: Access | undefined;
  readonly summary: string;
}

/** A route as the hooks use it: with its specification and its counters. */
export interface ServedRoute extends ListedRoute {
  readonly spec: RouteSpec | undefined;
  /** Made with the first answer. Owner: the access log. */
  series: RouteSeries | undefined;
}
