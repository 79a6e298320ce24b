import { formatPosition, type Position } from '@gatehouse/contracts';
import { type EventStore, fold, type HandleOptions } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { z } from 'zod';
import { answering } from '../problems.js';
import { handleCommand } from '../request-command.js';
import { type Key, keyDecider, keyStream } from './key.js';
import { keyView, viewOfKey } from './key-view.js';

export const changedKey = keyView.extend({ position: z.string().optional() });

export interface ChangeKey {
  readonly store: EventStore;
  readonly request: HttpRequest;
  readonly caller: Principal;
  readonly keyId: string;
  readonly operation: 'key.disable' | 'key.enable';
  readonly decide: HandleOptions<Key>['decide'];
}

/** Disables or enables a key and answers how it stands then; a repeated call gets the answer of the first. */
export async function changeKey(change: ChangeKey): Promise<z.output<typeof changedKey>> {
  const { store, request, caller, keyId, operation, decide } = change;
  const streamId = keyStream(keyId);
  const result = await answering(() =>
    handleCommand(store, keyDecider, { request, caller, operation, streamId, decide }),
  );
  const state = result.duplicate ? await keyAt(store, caller.tenantId, streamId, result.revision) : result.state;
  return answer(state, result.revision, result.position);
}

/** The key as it was at an earlier revision: it may have changed since the call that is being repeated. */
async function keyAt(store: EventStore, tenantId: string, streamId: string, revision: number): Promise<Key> {
  const { events } = await store.read(tenantId, streamId);
  return fold(keyDecider, events.slice(0, revision));
}

function answer(key: Key, revision: number, position: Position | undefined) {
  if (key.status === 'none') throw new ProblemError('not_found', 'There is no such key');
  return { ...viewOfKey(key, revision), ...(position && { position: formatPosition(position) }) };
}
