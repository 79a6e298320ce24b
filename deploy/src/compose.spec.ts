import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeConfig } from '@gatehouse/config';
import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { type ComposeService, readCompose, readImageFile, repository, secretNames } from './compose-file.fixture.js';
import { projectFolder, secretFiles } from './project-folder.js';
import { setupBusSettings } from './setup-bus.js';

const compose = readCompose();
const image = readImageFile();
const services = Object.entries(compose.services);
const ours = services.filter(([, { build }]) => build !== undefined);
const running = services.filter(([, { restart }]) => restart === 'unless-stopped');
const once = services.filter(([, { restart }]) => restart === 'no');
const variables = ({ environment = {} }: ComposeService) => Object.entries(environment);

/** Imported by a computed address: a service is no library of ours, only its table of settings is looked at. */
async function settingsOf(app: string): Promise<z.ZodObject> {
  const address = pathToFileURL(join(repository, 'apps', app, 'dist/src/settings.js')).href;
  const exported = (await import(address)) as Record<string, z.ZodObject>;
  return exported[`${app}Settings`] as z.ZodObject;
}

const database = ['DATABASE_URL', 'DATABASE_PASSWORD_FILE', 'DATABASE_SYSTEM_URL', 'DATABASE_SYSTEM_PASSWORD_FILE'];
const administrator = ['ADMIN_DATABASE_URL', 'ADMIN_DATABASE_PASSWORD_FILE'];

describe('every container', () => {
  it('is either kept running or runs once', () => expect([...running, ...once].length).toBe(services.length));

  it.each(services)('%s has no rights that it does not need', (_name, service) => {
    expect(service).toMatchObject({
      user: '1000:1000',
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service.privileged ?? false).toBe(false);
    expect(service.cap_add ?? []).toEqual([]);
    expect(service.pids_limit).toBeLessThanOrEqual(512);
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
  });

  it.each(services)('%s runs a pinned image', (_name, { image, build }) => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
    if (build) expect(image).toBe(`gatehouse/${build.args.APP}:${version}`);
    else expect(image).toMatch(/^(postgres:18\.\d+|nats:2\.\d+)-[a-z]+$/);
  });

  it.each(services)('%s has its secrets in files only', (_name, service) => {
    const mounted = secretNames(service).map((name) => `/run/secrets/${name}`);
    for (const [name, value] of variables(service)) {
      const text = String(value);
      if (text.includes('://')) expect(new URL(text).password).toBe('');
      if (text.startsWith('/run/secrets/')) expect(mounted).toContain(text);
      if (!/PASSWORD|SECRET|TOKEN|SEED|PEPPER|KEY/.test(name)) continue;
      expect(name).toMatch(/_FILE$/);
      expect(text).toMatch(/^\/run\/secrets\//);
    }
  });

  it.each(services)('%s can reach what its environment names', (_name, service) => {
    for (const [, value] of variables(service)) {
      if (!/^(postgres|nats|http):\/\//.test(String(value))) continue;
      const host = compose.services[new URL(String(value)).hostname];
      expect((host?.networks ?? []).some((network) => service.networks?.includes(network))).toBe(true);
    }
  });

  it.each(services)('%s waits for what must have happened before', (_name, { depends_on: needs = {} }) => {
    for (const [name, { condition }] of Object.entries(needs)) {
      const finished = once.some(([other]) => other === name);
      expect([name, condition]).toEqual([name, finished ? 'service_completed_successfully' : 'service_healthy']);
    }
  });

  it.each(running)('%s has a health check', (_name, { build, healthcheck }) => {
    expect(healthcheck?.disable ?? false).toBe(false);
    if (build === undefined) expect(healthcheck?.test?.[0]).toBe('CMD');
  });

  it.each(once)('%s is waited for: its failure must not go unseen', (name) => {
    expect(services.some(([, { depends_on: needs = {} }]) => name in needs)).toBe(true);
  });
});

describe('the networks', () => {
  it('publish the gateway and the relay, and nothing else', () => {
    const open = services.filter(([, { ports = [] }]) => ports.length > 0);
    expect(open.map(([name, { ports }]) => [name, ports])).toEqual([
      ['relay', ['127.0.0.1:8444:8444/tcp', '127.0.0.1:8444:8444/udp']],
      ['gateway', ['127.0.0.1:8443:8443']],
    ]);
  });

  it('lead out of the machine for the gateway, the relay, and identity, which writes letters and asks other providers', () => {
    const outside = Object.entries(compose.networks).flatMap(([name, { internal }]) => (internal ? [] : [name]));
    const members = services.filter(([, { networks = [] }]) => networks.some((name) => outside.includes(name)));
    expect(members.map(([name]) => name)).toEqual(['identity', 'relay', 'gateway']);
    // Without the key a container would be in the default network, which leads out.
    for (const [name, { networks, network_mode }] of services)
      expect([name, networks !== undefined || network_mode === 'none']).toEqual([name, true]);
  });

  it('keep the gateway away from PostgreSQL and NATS', () => {
    for (const name of ['postgres', 'nats'])
      expect(compose.services.gateway?.networks).not.toContain(compose.services[name]?.networks?.[0]);
  });
});

describe('the secrets', () => {
  it('are the files that init.mjs makes', () => {
    const { secrets: folder } = projectFolder(repository);
    const files = secretFiles(folder);
    const { tls } = files;
    const made = [
      ...[
        ...Object.values(files.keys),
        files.metadataKey,
        files.grantKey,
        files.peerKey,
        files.superuserPassword,
        ...files.databasePasswords,
      ],
      ...[...Object.values(files.natsSeeds), files.natsAuthorization, tls.certificate, tls.key, tls.authority],
    ];
    const mounted = Object.values(compose.secrets).map(({ file }) => join(repository, file));
    expect(new Set(mounted)).toEqual(new Set(made));
  });

  it('are each used, by as few as possible', () => {
    const users = (secret: string) =>
      services.flatMap(([name, service]) => (secretNames(service).includes(secret) ? [name] : []));
    for (const name of Object.keys(compose.secrets)) expect([name, users(name).length]).not.toEqual([name, 0]);
    expect(users('root-key')).toEqual(['first-owner', 'identity']);
    expect(users('ledger-key')).toEqual(['audit']);
    expect(users('metadata-key')).toEqual(['policy']);
    expect(users('grant-key')).toEqual(['registry']);
    expect(users('relay-peer-key')).toEqual(['relay']);
    expect(users('seal-key')).toEqual(['vault']);
    expect(users('nats-setup-seed')).toEqual(['nats-setup']);
    const migrations = ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'].map((name) => `${name}-migrate`);
    expect(users('postgres-password')).toEqual(['postgres', ...migrations]);
  });
});

describe('the environment', () => {
  it.each(running.filter(([, { build }]) => build))('of %s is what the service reads', async (name, service) => {
    const rows = describeConfig(await settingsOf(name));
    const known = [...rows.map(({ variable }) => variable), ...(name === 'gateway' ? [] : database)];
    const set = variables(service).map(([variable]) => variable);
    expect(set.filter((variable) => !known.includes(variable))).toEqual([]);
    const required = rows.filter((row) => row.required).map(({ variable }) => variable);
    expect(required.filter((variable) => !set.includes(variable))).toEqual([]);
    if (name !== 'gateway') expect(set).toEqual(expect.arrayContaining(database));
  });

  it.each(once.filter(([, { command }]) => command?.[0] === 'migrate'))('of %s is for migrations', (_name, service) => {
    expect(variables(service).map(([variable]) => variable)).toEqual([...database, ...administrator]);
  });

  it('of nats-setup is what setup-bus.mjs reads', () => {
    const known = describeConfig(setupBusSettings).map(({ variable }) => variable);
    const set = variables(compose.services['nats-setup'] as ComposeService).map(([variable]) => variable);
    expect(set.filter((variable) => !known.includes(variable))).toEqual([]);
  });

  it('of first-owner is a part of what identity reads', async () => {
    const known = describeConfig(await settingsOf('identity')).map(({ variable }) => variable);
    const set = variables(compose.services['first-owner'] as ComposeService).map(([variable]) => variable);
    expect(set.filter((variable) => ![...known, ...database].includes(variable))).toEqual([]);
  });
});

describe('the image', () => {
  it('is built from one pinned slim Node image, and runs as nobody special', () => {
    expect(new Set(image.stages)).toEqual(new Set([expect.stringMatching(/^node:\d+\.\d+\.\d+-[a-z]+-slim$/)]));
    expect(image.user).toBe('1000:1000');
    expect(image.entrypoint[0]).toBe('node');
    expect(image.healthcheck[0]).toBe('node');
  });

  it('exists for every service there is', () => {
    const built = new Set(ours.map(([, { build }]) => build?.args.APP));
    expect(built).toEqual(new Set(['identity', 'policy', 'vault', 'registry', 'relay', 'audit', 'gateway']));
  });

  it('never sees the secrets of this machine', () => {
    const ignored = readFileSync(join(repository, '.dockerignore'), 'utf8').split('\n');
    const rules = ignored.filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules[0]).toBe('*');
    const { secrets, draft, owner, env } = projectFolder(repository);
    for (const folder of [secrets, draft, owner]) expect(rules).toContain(relative(repository, folder));
    expect(rules).not.toContain(`!${relative(repository, env)}`);
  });
});
