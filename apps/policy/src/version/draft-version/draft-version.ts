import type { Envelope, PolicyDrafted } from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../refusal.js';

/** A version: a text that never changes. Drafting the same text again is the same version. */
export type Version = { readonly status: 'none' } | { readonly status: 'drafted'; readonly drafted: PolicyDrafted };

export const versionDecider: Decider<Version> = {
  initialState: { status: 'none' },
  evolve: (state, event: Envelope): Version =>
    event.type === 'policy.drafted' ? { status: 'drafted', drafted: event.data as unknown as PolicyDrafted } : state,
};

export const digestPattern = /^sha256:[0-9a-f]{64}$/;

export const versionStream = (digest: string): string => `policy-version:${digest.slice('sha256:'.length)}`;

/** What a tenant drafted lately without ever activating it: texts are kept for ever, so they are not for the asking. */
export interface IdleDrafts {
  readonly count: number;
  readonly bytes: number;
}

export const draftLimits = {
  textBytes: 1_048_576,
  idleDays: 30,
  idleCount: 500,
  idleBytes: 64 * 1_048_576,
} as const;

/** @throws Refusal `too_many_drafts` */
export const draftVersion =
  (data: PolicyDrafted, idle: IdleDrafts) =>
  ({ status }: Version): readonly NewEvent[] => {
    if (status === 'drafted') return [];
    if (idle.count >= draftLimits.idleCount || idle.bytes + data.bytes > draftLimits.idleBytes)
      throw new Refusal('too_many_drafts');
    return [{ type: 'policy.drafted', version: 1, data }];
  };
