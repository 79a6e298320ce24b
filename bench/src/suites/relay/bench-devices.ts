import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { connectBus, serve } from '@gatehouse/bus';
import { grantKeys } from '@gatehouse/contracts';
import { type ApprovedDevice, RegistryLog } from '@gatehouse/service-testing';
import { grantKeyOf } from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import pg from 'pg';
import type { Stack } from '../../stack.js';
import type { SessionWay } from './ways.js';

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const jwk = (key: KeyObject) => key.export({ format: 'jwk' });

/** Plays the registry's part on a stack that runs without it: approves devices, and signs grants for the operator. */
export async function benchDevices(stack: Stack) {
  const nc = await connectBus({ servers: stack.natsUrl, user: 'setup', seedFile: stack.natsSeed('setup') });
  const grantKey = generateKeyPairSync('ed25519');
  const keys = [grantKeyOf(grantKey.publicKey)];
  serve(nc, grantKeys, async () => ({ keys }));
  const database = new pg.Pool({ connectionString: stack.databaseUrl, max: 4 });
  // A stack that is stopped after a failure ends these connections, too: the failure is what is to be told.
  database.on('error', () => undefined);
  const registry = new RegistryLog(nc);
  const operator = await waitFor(
    async () => (await database.query('select * from relay.known_keys order by key_id limit 1')).rows[0],
    { timeoutMs: 60_000, message: 'the relay knows the operator' },
  );
  return {
    database,
    registry,
    grantKey,
    grantKeys: keys,
    operator: {
      tenantId: String(operator.tenant_id),
      id: String(operator.principal_id),
      keyId: String(operator.key_id),
    },
    approve: async (count: number, tenants: readonly string[] = [operator.tenant_id]): Promise<ApprovedDevice[]> => {
      const devices: ApprovedDevice[] = [];
      const counted = async () =>
        Number((await database.query('select count(*) from relay.device_identities')).rows[0].count);
      const before = await counted();
      for (let i = 0; i < count; i++) devices.push(await registry.approve(tenants[i % tenants.length] ?? ''));
      const known = async () => (await counted()) >= before + count;
      await waitFor(known, { timeoutMs: 120_000, message: 'the relay knows the devices' });
      return devices;
    },
    way: (device: ApprovedDevice, carrier: 'quic' | 'tls', relay: string, ca: string): SessionWay => ({
      carrier,
      relay,
      ca,
      deviceId: device.deviceId,
      identity: pem(device.identity.privateKey),
      sessionSecret: String(jwk(device.session.privateKey).d),
      sessionKey: String(jwk(device.session.publicKey).x),
      grantKeys: keys,
      grantKey: pem(grantKey.privateKey),
      claims: {
        iss: 'gatehouse/registry',
        aud: device.deviceId,
        tenantId: operator.tenant_id,
        subject: { type: operator.principal_type, id: operator.principal_id },
        credential: operator.key_id,
        actions: ['device.forward', 'device.exec'],
        decisions: [randomUUID()],
      },
    }),
    stop: async () => {
      await database.end();
      await nc.close();
    },
  };
}
