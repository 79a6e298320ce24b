import type { DeviceSessionGranted, Entity, Envelope } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** What a person does on a device, in the stream `session:<sessionId>`: one grant, and its renewals. */
export type Session =
  | { readonly status: 'none' }
  | {
      readonly status: 'granted';
      readonly deviceId: string;
      readonly subject: Entity;
      readonly clientKey: string;
      readonly scopeHash: string;
    };

export const sessionStream = (sessionId: string): string => `session:${sessionId}`;

export const sessionDecider: Decider<Session> = {
  initialState: { status: 'none' },
  evolve: (state, { type, data }: Envelope): Session => {
    if (type !== 'device.session.granted') return state;
    const { deviceId, subject, clientKey, scopeHash } = data as unknown as DeviceSessionGranted;
    return { status: 'granted', deviceId, subject, clientKey, scopeHash };
  },
};
