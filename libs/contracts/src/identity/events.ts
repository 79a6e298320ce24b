import { alertEvents } from './alert.js';
import { factorEvents } from './factor.js';
import { federationEvents } from './federation.js';
import { keyEvents } from './key.js';
import { oauthEvents } from './oauth.js';
import { personEvents } from './person.js';
import { privacyEvents } from './privacy.js';
import { satelliteEvents } from './satellite.js';
import { setupEvents } from './setup.js';
import { tenancyEvents } from './tenancy.js';

/**
 * What identity publishes: type -> its data. Personal fields (`email`, `name`, addresses) are never in `data`: they are
 * sealed under the person's key. A change of shape is a new version with an upcaster; a new optional field is neither.
 */
export const identityEvents = {
  ...tenancyEvents,
  ...personEvents,
  ...keyEvents,
  ...setupEvents,
  ...factorEvents,
  ...oauthEvents,
  ...federationEvents,
  ...satelliteEvents,
  ...alertEvents,
  ...privacyEvents,
} as const;
