import { maskSecrets } from '@gatehouse/telemetry';

/** Settings as an event may hold them for ever: what looks like somebody's address, or like a key, is not among them. */
export const recordableSettings = (settings: object): Record<string, unknown> =>
  JSON.parse(maskSecrets(JSON.stringify(settings))) as Record<string, unknown>;
