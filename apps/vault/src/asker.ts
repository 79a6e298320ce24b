import type { HttpRequest, Principal } from '@gatehouse/http';

/** Who asks, and by which request: what a decision and an event need to know. */
export interface Asker {
  readonly caller: Principal;
  readonly request: HttpRequest;
}
