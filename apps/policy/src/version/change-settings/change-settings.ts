import type { PolicyMode, PolicySettingsChanged, PolicySettingsRequested } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { assertRoom } from '../activate-version/activate-version.js';
import type { TenantPolicy } from '../tenant-policy.js';

export interface ChangeSettings {
  readonly mode: PolicyMode;
  readonly fourEyes: boolean;
  readonly reason: string;
  readonly requestId: string;
  readonly now: number;
}

/**
 * Who may bring four eyes about needs nobody's agreement; what weakens them, and the mode, which lets through what the
 * policy denies, do as long as they are on.
 *
 * @throws Refusal `too_many_requests_open`
 */
export const changeSettings =
  ({ mode, fourEyes, reason, requestId, now }: ChangeSettings) =>
  (state: TenantPolicy): readonly NewEvent[] => {
    if (mode === state.mode && fourEyes === state.fourEyes) return [];
    const change: PolicySettingsChanged = { mode, fourEyes, reason };
    if (!state.fourEyes) return [{ type: 'policy.settings_changed', version: 1, data: change }];
    assertRoom(state, now);
    const data: PolicySettingsRequested = { requestId, mode, fourEyes, reason };
    return [{ type: 'policy.settings_requested', version: 1, data }];
  };
