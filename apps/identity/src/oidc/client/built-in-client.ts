import type { ClientFacts } from './client.js';

export const cliClientId = 'gatehouse-cli';

/**
 * The command line, in every installation: public, so a person always sees what it asks for, and chooses the tenant. It
 * may ask for everyday work. Who grants roles, pays, or closes a tenant does that with a session or a key of his own:
 * a device code that somebody was talked into must not be enough for it.
 */
export const cliClient: ClientFacts = {
  tenantId: '',
  clientId: cliClientId,
  kind: 'native',
  name: cliClientId,
  title: 'Gatehouse command line',
  auth: 'none',
  roles: [],
  redirectUris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
  scopes: ['openid', 'email', 'profile', 'offline_access'],
  permissions: [
    ...['tenant.read', 'members.read', 'role.read', 'key.read', 'client.read', 'decision.evaluate', 'projection.read'],
    ...['project.*', 'environment.*', 'domain.*', 'service.*', 'deploy.*', 'logs.*', 'secret.*', 'audit.*', 'device.*'],
  ],
  skipConsent: false,
  deviceFlow: true,
  requireDpop: false,
  introspectTenant: false,
  exchangeFrom: [],
  createdAt: '2026-01-01T00:00:00.000Z',
};

/** True for a client that belongs to no tenant: the person says for which one it acts. */
export const choosesTenant = (client: ClientFacts): boolean => client.tenantId === '';
