import { describe, expect, it } from '@jest/globals';
import { dataFolder } from './data-folder.js';
import {
  inheritedEnvironment,
  inheritedSeal,
  migrateEnvironment,
  publicUrl,
  serviceEnvironment,
  withInherited,
} from './environment.js';
import { type ServiceRow, serviceTable } from './service-table.js';

const folder = dataFolder('/data');
const addresses = {
  host: 'localhost',
  port: 8443,
  relayPort: 8444,
  portBase: 7100,
  postgresPort: 7120,
  natsPort: 7121,
};
const row = (name: string): ServiceRow => {
  const found = serviceTable.find((each) => each.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe('serviceEnvironment', () => {
  it('gives a service its own roles, its own NATS user, and a key only to whom it is for', () => {
    expect(serviceEnvironment(row('audit'), folder, addresses)).toEqual({
      SERVICE_PORT: '7102',
      PUBLIC_URL: 'https://localhost:8443',
      PEPPER_FILE: '/data/secrets/pepper.key',
      LEDGER_KEY_FILE: '/data/secrets/ledger.pem',
      LEDGER_HEAD_FILE: '/data/ledger/head.json',
      DATABASE_URL: 'postgres://gatehouse_audit@127.0.0.1:7120/gatehouse',
      DATABASE_PASSWORD_FILE: '/data/secrets/database/audit.request.password',
      DATABASE_SYSTEM_URL: 'postgres://gatehouse_audit_system@127.0.0.1:7120/gatehouse',
      DATABASE_SYSTEM_PASSWORD_FILE: '/data/secrets/database/audit.system.password',
      NATS_URL: 'nats://127.0.0.1:7121',
      NATS_SEED_FILE: '/data/secrets/nats/audit.seed',
      TRUSTED_PROXIES: '127.0.0.1',
      AUTH_JWT_ISSUER: 'https://localhost:8443',
      AUTH_JWT_AUDIENCE: 'urn:gatehouse:api',
      AUTH_JWT_JWKS_URL: 'http://127.0.0.1:7100/.well-known/jwks.json',
    });
    expect(serviceEnvironment(row('policy'), folder, addresses)).not.toHaveProperty('LEDGER_KEY_FILE');
    expect(serviceEnvironment(row('policy'), folder, addresses)).not.toHaveProperty('ROOT_KEY_FILE');
    expect(serviceEnvironment(row('identity'), folder, addresses)).toHaveProperty('ROOT_KEY_FILE');
    for (const { name } of serviceTable) {
      const sees = 'SEAL_KEY_FILE' in serviceEnvironment(row(name), folder, addresses);
      expect([name, sees]).toEqual([name, name === 'vault']);
    }
    expect(serviceEnvironment(row('identity'), folder, addresses)).toMatchObject({ MAIL_FOLDER: '/data/mail' });
  });

  it('gives the gateway certificates and upstreams, and no database', () => {
    expect(serviceEnvironment(row('gateway'), folder, addresses)).toEqual({
      SERVICE_HOST: '127.0.0.1',
      SERVICE_PORT: '8443',
      PUBLIC_URL: 'https://localhost:8443',
      TLS_CERT_FILE: '/data/tls/server.pem',
      TLS_KEY_FILE: '/data/tls/server.key',
      CA_FILE: '/data/tls/ca.pem',
      UPSTREAM_IDENTITY: 'http://127.0.0.1:7100',
      UPSTREAM_POLICY: 'http://127.0.0.1:7101',
      UPSTREAM_VAULT: 'http://127.0.0.1:7103',
      UPSTREAM_REGISTRY: 'http://127.0.0.1:7104',
      UPSTREAM_RELAY: 'http://127.0.0.1:7105',
      UPSTREAM_AUDIT: 'http://127.0.0.1:7102',
    });
  });

  it("never gives a running service the administrator's login", () => {
    for (const each of serviceTable) {
      expect(Object.keys(serviceEnvironment(each, folder, addresses)).join()).not.toContain('ADMIN');
    }
    expect(migrateEnvironment(row('policy'), folder, addresses, 'postgres')).toMatchObject({
      ADMIN_DATABASE_URL: 'postgres://postgres@127.0.0.1:7120/gatehouse',
      ADMIN_DATABASE_PASSWORD_FILE: '/data/secrets/postgres.password',
      DATABASE_PASSWORD_FILE: '/data/secrets/database/policy.request.password',
    });
  });
});

describe('inheritedEnvironment', () => {
  it("keeps what the terminal means for us, and other people's secrets out", () => {
    const kept = {
      PATH: '/bin',
      LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://o',
      AUTH_STATUS_PROFILE: 'marie',
    };
    const left = { DATABASE_PASSWORD: 'x', DATABASE_URL: 'y', AWS_SECRET_ACCESS_KEY: 'z', PEPPER: 'p', NATS_URL: 'n' };
    expect(inheritedEnvironment({ ...kept, ...left })).toEqual(kept);
  });
});

describe('inheritedSeal', () => {
  it('gives the vault what its seal needs, a secret among it, and nobody else', () => {
    const given = { SEAL: 'aws-kms', SEAL_ENV_KEY: 'k', AWS_SECRET_ACCESS_KEY: 's', PEPPER: 'p' };
    const { PEPPER: _, ...kept } = given;
    expect(inheritedSeal(given, row('vault'))).toEqual(kept);
    for (const { name } of serviceTable) {
      const all = { ...inheritedEnvironment(given), ...inheritedSeal(given, row(name)) };
      expect([name, Object.keys(all).length]).toEqual([name, name === 'vault' ? 3 : 0]);
    }
  });
});

describe('withInherited', () => {
  it('writes letters into the folder unless the terminal names another way', () => {
    const ours = { MAIL_FOLDER: '/data/mail', SERVICE_PORT: '1' };
    expect(withInherited({ SERVICE_PORT: '2' }, ours)).toEqual(ours);
    expect(withInherited({ SMTP_URL: 'smtp://mail' }, ours)).toEqual({ SMTP_URL: 'smtp://mail', SERVICE_PORT: '1' });
    expect(withInherited({ MAIL_FOLDER: '/mine' }, ours)).toMatchObject({ MAIL_FOLDER: '/mine' });
  });
});

describe('publicUrl', () => {
  it('leaves out the usual port', () => {
    expect(publicUrl({ ...addresses, port: 443 })).toBe('https://localhost');
  });

  it('is where others reach this machine, and then the gateway listens for them, and nothing else', () => {
    const gate = { ...addresses, host: 'gate.lan' };
    expect(publicUrl(gate)).toBe('https://gate.lan:8443');
    expect(publicUrl({ ...addresses, host: 'fd00::1' })).toBe('https://[fd00::1]:8443');
    expect(serviceEnvironment(row('gateway'), folder, gate)).toMatchObject({ SERVICE_HOST: '0.0.0.0' });
    for (const { name } of serviceTable.filter(({ stateful }) => stateful))
      expect(serviceEnvironment(row(name), folder, gate)).not.toHaveProperty('SERVICE_HOST');
  });
});
