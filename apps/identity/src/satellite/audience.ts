import type { AudienceAccess, AudienceCreated, AudienceDeactivated, Envelope } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

export interface AudienceFacts {
  readonly name: string;
  readonly access: AudienceAccess;
  readonly guests: boolean;
  readonly showsEmail: boolean;
}

export type Audience =
  | { readonly status: 'none' }
  | (AudienceFacts & { readonly status: 'active'; readonly createdAt: string })
  | (AudienceFacts & { readonly status: 'inactive'; readonly createdAt: string; readonly reason?: string });

export type AudienceRefusal = 'not_found' | 'audience_name_taken';

export const audienceStream = (name: string): string => `audience:${name}`;

/** The form of a service's name: the service that checks tokens for `billing` calls with a key named `billing`. */
export const audienceNamePattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The name that a text means; undefined for one that no audience can have. */
export function readAudienceName(text: string): string | undefined {
  const name = text.trim().toLowerCase();
  return audienceNamePattern.test(name) ? name : undefined;
}

function evolve(state: Audience, { type, data, occurredAt }: Envelope): Audience {
  if (type === 'audience.created') return { ...(data as AudienceCreated), status: 'active', createdAt: occurredAt };
  if (state.status === 'none') return state;
  if (type === 'audience.changed') return { ...state, ...(data as AudienceCreated) };
  if (type === 'audience.reactivated') return { ...factsOf(state), status: 'active', createdAt: state.createdAt };
  if (type !== 'audience.deactivated') return state;
  const { reason } = data as AudienceDeactivated;
  return { ...state, status: 'inactive', ...(reason !== undefined && { reason }) };
}

export const factsOf = ({ name, access, guests, showsEmail }: AudienceFacts): AudienceFacts => ({
  name,
  access,
  guests,
  showsEmail,
});

export const audienceDecider: Decider<Audience> = { initialState: { status: 'none' }, evolve };
