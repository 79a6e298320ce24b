import type { CommandContext } from '@gatehouse/event-store';
import type { HttpRequest, Principal } from '@gatehouse/http';
import { commandContext } from '@gatehouse/service';

/** Who asks, and by which request: what a decision and an event need to know. */
export interface Asker {
  readonly caller: Principal;
  readonly request: HttpRequest;
}

/** What the events have in common that follow from what is asked. @param now Unix time in milliseconds */
export const contextOf = ({ caller, request }: Asker, now = Date.now()): CommandContext =>
  commandContext(request, caller, now);
