import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { tempDir } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readArguments } from './arguments.js';
import { readEnv } from './compose-file.fixture.js';
import { runInit } from './init.js';
import { projectFolder, secretFiles } from './project-folder.js';

const uid = process.getuid?.() || 1_000;
const gid = process.getgid?.() || 1_000;
const email = 'owner@example.org';

let dir: ReturnType<typeof tempDir>;
let said = '';
beforeEach(() => {
  dir = tempDir('init');
  writeFileSync(join(dir.path, 'docker-compose.yml'), 'name: gatehouse\n');
  said = '';
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((text) => {
      said += String(text);
      return true;
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
  dir.remove();
});

const init = (...args: string[]) => runInit(['--email', email, '--project', dir.path, ...args]);
const update = (...args: string[]) => runInit(['update', '--project', dir.path, ...args]);
const folder = () => projectFolder(dir.path);
const files = () => secretFiles(folder().secrets);

function everyFile(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  const paths = names.map((name) => join(root, name)).filter((path) => statSync(path).isFile());
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'latin1')]));
}

describe('init.mjs', () => {
  it('makes files that only the user of the containers can read', async () => {
    expect(await init()).toBe(0);
    for (const path of Object.keys(everyFile(folder().secrets))) {
      const { mode, uid: owner, gid: group } = statSync(path);
      expect([path, owner, group]).toEqual([path, uid, gid]);
      if (!path.endsWith('.pem') || path.endsWith('ledger.pem')) expect([path, mode & 0o777]).toEqual([path, 0o600]);
    }
    expect(statSync(folder().secrets).mode & 0o777).toBe(0o700);
    expect(statSync(folder().owner).uid).toBe(uid);
    expect(existsSync(folder().draft)).toBe(false);
  });

  it('says no secret, and puts none into .env', async () => {
    await init();
    const texts = Object.entries(everyFile(folder().secrets)).filter(
      ([path]) => !/(server|ca)\.pem$|hosts$/.test(path),
    );
    const secrets = texts.filter(([path]) => !path.endsWith('.conf')).map(([, text]) => text.trim());
    expect(secrets.length).toBeGreaterThan(10);
    for (const text of secrets) {
      expect(said).not.toContain(text);
      expect(readFileSync(folder().env, 'utf8')).not.toContain(text);
    }
    // Every login is another one.
    expect(new Set(secrets).size).toBe(secrets.length);
  });

  it('keeps Gatehouse on this machine unless it is given a name', async () => {
    await init();
    expect(readEnv(folder().env)).toEqual({
      GATEHOUSE_UID: String(uid),
      GATEHOUSE_GID: String(gid),
      GATEHOUSE_ADDRESS: '127.0.0.1',
      GATEHOUSE_PORT: '8443',
      GATEHOUSE_PUBLIC_URL: 'https://localhost:8443',
      GATEHOUSE_LEDGER_ORIGIN: 'gatehouse.local/ledger',
      GATEHOUSE_OWNER_EMAIL: email,
    });
  });

  it('certifies the names that clients use', async () => {
    await init('--host', 'gate.example.org', '--host', '10.0.0.7', '--port', '443');
    expect(readEnv(folder().env)).toMatchObject({
      GATEHOUSE_ADDRESS: '0.0.0.0',
      GATEHOUSE_PUBLIC_URL: 'https://gate.example.org',
      GATEHOUSE_LEDGER_ORIGIN: 'gate.example.org/ledger',
    });
    const certificate = new X509Certificate(readFileSync(files().tls.certificate));
    expect(certificate.checkHost('gate.example.org')).toBeDefined();
    expect(certificate.checkIP('10.0.0.7')).toBeDefined();
    expect(certificate.checkHost('other.example.org')).toBeUndefined();
  });

  it('never replaces what there is', async () => {
    await init();
    const before = everyFile(dir.path);
    expect(await init('--host', 'gate.example.org')).toBe(1);
    expect(said).toContain('is never replaced');
    expect(everyFile(dir.path)).toEqual(before);
  });

  it('leaves an .env of somebody else alone', async () => {
    writeFileSync(folder().env, 'COMPOSE_PROFILES=mine\n');
    expect(await init()).toBe(1);
    expect(readFileSync(folder().env, 'utf8')).toBe('COMPOSE_PROFILES=mine\n');
    expect(existsSync(folder().secrets)).toBe(false);
  });

  it('makes nothing of what it cannot finish, and what was cut short anew', async () => {
    mkdirSync(folder().draft, { recursive: true });
    writeFileSync(join(folder().draft, 'root.key'), 'half a ke');
    expect(await init('--cert', join(dir.path, 'none.pem'), '--key', join(dir.path, 'none.key'))).toBe(1);
    expect(said).toContain('none.pem does not exist');
    expect([folder().secrets, folder().draft, folder().env].some(existsSync)).toBe(false);
    expect(await init()).toBe(0);
    expect(Buffer.from(readFileSync(files().keys.root, 'utf8'), 'base64')).toHaveLength(32);
  });

  it('takes a certificate of somebody else', async () => {
    const theirs = await createLocalAuthority(join(dir.path, 'theirs'), { extraNames: ['gate.example.org'] });
    const own = ['--cert', theirs.certFile, '--key', theirs.keyFile];
    expect(await init(...own, '--host', 'gate.example.com')).toBe(1);
    expect(said).toContain('is not for gate.example.com');
    expect(await init(...own, '--host', 'gate.example.org')).toBe(0);
    expect(readFileSync(files().tls.certificate)).toEqual(readFileSync(theirs.certFile));
    expect(readFileSync(files().tls.key)).toEqual(readFileSync(theirs.keyFile));
    expect(existsSync(files().tls.authorityKey)).toBe(false);
    expect(readEnv(folder().env).GATEHOUSE_CA_FILE).toBe('');
  });

  it('refuses a key that does not belong to the certificate', async () => {
    const one = await createLocalAuthority(join(dir.path, 'one'));
    const other = await createLocalAuthority(join(dir.path, 'other'));
    expect(await init('--cert', one.certFile, '--key', other.keyFile)).toBe(1);
    expect(said).toContain('is not the key of');
  });
});

describe('init.mjs update', () => {
  it('changes no secret, and gives a new service its logins', async () => {
    await init('--host', 'gate.example.org');
    const before = everyFile(folder().secrets);
    const [password = ''] = files().databasePasswords;
    const seed = files().natsSeeds.audit ?? '';
    const { metadataKey, grantKey, peerKey } = files();
    for (const path of [password, seed, metadataKey, grantKey, peerKey]) rmSync(path);
    expect(await update()).toBe(0);
    const after = everyFile(folder().secrets);
    const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
    expect(changed.sort()).toEqual([password, seed, metadataKey, grantKey, peerKey, files().natsAuthorization].sort());
    expect([statSync(password).uid, statSync(password).mode & 0o777]).toEqual([uid, 0o600]);
  });

  it('certifies other names when it is told them', async () => {
    await init('--host', 'gate.example.org');
    expect(await update('--host', 'door.example.org')).toBe(0);
    const certificate = new X509Certificate(readFileSync(files().tls.certificate));
    expect([certificate.checkHost('door.example.org'), certificate.checkHost('gate.example.org')]).toEqual([
      'door.example.org',
      undefined,
    ]);
  });

  it('makes the key of the seal for an installation from before the vault, and never for one that has it', async () => {
    await init();
    const { keys, natsSeeds } = files();
    rmSync(keys.seal);
    expect(await update()).toBe(1);
    expect(said).toContain('seal.key is missing');
    rmSync(natsSeeds.vault as string);
    expect(await update()).toBe(0);
    expect(statSync(keys.seal).mode & 0o777).toBe(0o600);
    const made = readFileSync(keys.seal, 'utf8');
    expect(await update()).toBe(0);
    expect(readFileSync(keys.seal, 'utf8')).toBe(made);
  });

  it('does not go on without a key that cannot be made anew', async () => {
    await init();
    rmSync(files().keys.pepper);
    expect(await update()).toBe(1);
    expect(said).toContain('restore it from a backup');
    expect(existsSync(files().keys.pepper)).toBe(false);
  });

  it('changes to a certificate of somebody else, whose authority is not ours to offer', async () => {
    await init();
    const theirs = await createLocalAuthority(join(dir.path, 'theirs'));
    expect(await update('--cert', theirs.certFile, '--key', theirs.keyFile)).toBe(0);
    expect(readFileSync(files().tls.key)).toEqual(readFileSync(theirs.keyFile));
    expect(readEnv(folder().env).GATEHOUSE_CA_FILE).toBe('');
  });

  it('is nothing to begin with', async () => {
    expect(await update()).toBe(1);
    expect(said).toContain('there is nothing to update');
  });
});

describe('the arguments', () => {
  const read = (args: string[], self = { uid: 501, gid: 20 }) => readArguments(['--email', email, ...args], self);

  it('make the containers run as the caller, or, called by root, as the usual first user', () => {
    expect(read([])?.account).toEqual({ uid: 501, gid: 20 });
    expect(read([], { uid: 0, gid: 0 })?.account).toEqual({ uid: 1000, gid: 1000 });
    expect(read(['--uid', '70', '--gid', '71'], { uid: 0, gid: 0 })?.account).toEqual({ uid: 70, gid: 71 });
  });

  it.each([
    [['--uid', '70'], 'for root'],
    [['--uid', '0'], 'is not 1..'],
    [['--port', '70000'], 'is not 1..65535'],
    [['--host', 'Gate Keeper'], 'neither a lower-case DNS name nor an address'],
    [['--email', "o'owner@example.org"], '--email needs'],
    [['--cert', 'a.pem'], 'go together'],
    [['upgrade'], 'not a command'],
    [['--emial', 'x'], 'emial'],
  ])('%j are refused: %s', (args, why) => expect(() => read(args)).toThrow(why));
});
