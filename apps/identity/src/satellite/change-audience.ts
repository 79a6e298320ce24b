import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../refusal.js';
import { type Audience, type AudienceFacts, type AudienceRefusal, factsOf } from './audience.js';

const event = (type: string, data: object): readonly NewEvent[] => [{ type, version: 1, data }];

/** @throws Refusal `audience_name_taken`: also for an inactive one, whose name must not come to mean another service */
export function createAudience(facts: AudienceFacts, audience: Audience): readonly NewEvent[] {
  if (audience.status !== 'none') throw new Refusal<AudienceRefusal>('audience_name_taken');
  return event('audience.created', factsOf(facts));
}

/** Changes what is given and leaves the rest. @throws Refusal `not_found` */
export function changeAudience(change: Partial<Omit<AudienceFacts, 'name'>>, audience: Audience): readonly NewEvent[] {
  if (audience.status === 'none') throw new Refusal<AudienceRefusal>('not_found');
  const before = factsOf(audience);
  const after = { ...before, ...change };
  const isSame =
    after.access === before.access && after.guests === before.guests && after.showsEmail === before.showsEmail;
  return isSame ? [] : event('audience.changed', after);
}

/** No more tokens for it; one that is inactive stays so, with its first reason. @throws Refusal `not_found` */
export function deactivateAudience(reason: string | undefined, audience: Audience): readonly NewEvent[] {
  if (audience.status === 'none') throw new Refusal<AudienceRefusal>('not_found');
  if (audience.status === 'inactive') return [];
  return event('audience.deactivated', { name: audience.name, ...(reason !== undefined && { reason }) });
}

/** @throws Refusal `not_found` */
export function reactivateAudience(audience: Audience): readonly NewEvent[] {
  if (audience.status === 'none') throw new Refusal<AudienceRefusal>('not_found');
  return audience.status === 'active' ? [] : event('audience.reactivated', { name: audience.name });
}
