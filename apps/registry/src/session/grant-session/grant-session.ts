import type { DeviceSessionGranted } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../../refusal.js';
import type { Session } from '../session.js';

/**
 * Grants a session, or renews it: then it is the same person, key, device and scope as before, or nothing.
 *
 * @param isRenewal whether the caller named the session
 */
export const grantSession =
  (grant: DeviceSessionGranted, isRenewal: boolean) =>
  (session: Session): readonly NewEvent[] => {
    if (session.status === 'none' && isRenewal) throw new Refusal('not_found');
    if (session.status === 'granted' && !isSame(session, grant)) throw new Refusal('not_found');
    return [{ type: 'device.session.granted', version: 1, data: grant }];
  };

const isSame = (session: Extract<Session, { status: 'granted' }>, grant: DeviceSessionGranted): boolean =>
  session.deviceId === grant.deviceId &&
  session.subject.type === grant.subject.type &&
  session.subject.id === grant.subject.id &&
  session.clientKey === grant.clientKey &&
  session.scopeHash === grant.scopeHash;
