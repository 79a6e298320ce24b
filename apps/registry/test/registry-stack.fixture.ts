import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@gatehouse/bus';
import { deviceOwner } from '@gatehouse/contracts';
import { blindIndex } from '@gatehouse/crypto';
import { ServiceStack } from '@gatehouse/service-testing';
import { type TestPostgres, waitFor } from '@gatehouse/testing';
import { registryService } from '../src/app.module.js';
import { publicUrl } from './device.fixture.js';

const policyProgram = fileURLToPath(new URL('../../../policy/dist/src/main.js', import.meta.url));

export interface RegistryStack extends ServiceStack {
  /** People whom identity would find by their address: userId by address. */
  readonly people: Map<string, string>;
  /** An organization, or a personal workspace, once the registry knows it. */
  tenant(tenantId: string, ownerId: string): Promise<void>;
}

/** The registry on real servers with a real policy. What identity would publish and answer comes from the test. */
export async function startRegistryStack(
  settings: Readonly<Record<string, string>> = {},
  server?: TestPostgres,
): Promise<RegistryStack> {
  const stack = await ServiceStack.start({
    service: registryService,
    policyProgram,
    knownAt: '/api/v1/devices/grant-keys',
    ...(server && { server }),
    settings: (folder) => ({
      PUBLIC_URL: publicUrl,
      GRANT_KEY_FILE: join(folder, 'grant.pem'),
      RELAYS: 'relay.test:8444',
      // Calls of a test all come from one address.
      REGISTRATIONS_PER_ADDRESS: '10000',
      TRUSTED_PROXIES: '127.0.0.1',
      ...settings,
    }),
  });
  const people = new Map<string, string>();
  serve(stack.nc, deviceOwner, async ({ emailIndex }) => {
    for (const [email, userId] of people)
      if (blindIndex(stack.pepper, 'user.email', email) === emailIndex)
        return { owner: { userId, tenantId: `p-${userId}` } };
    return {};
  });
  const tenant = async (tenantId: string, ownerId: string) => {
    await stack.identity.publish(tenantId, 'tenant.created', {
      tenantId,
      name: tenantId,
      kind: 'organization',
      ownerId,
    });
    const isKnown = async () =>
      (await stack.superuser.query('select from registry.known_tenants where tenant_id = $1', [tenantId])).rows.length >
      0;
    await waitFor(isKnown, { timeoutMs: 60_000, message: `the registry knows ${tenantId}` });
  };
  return Object.assign(stack, { people, tenant });
}
