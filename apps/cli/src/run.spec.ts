import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { formatCheckpoint, formatProof, formatVkey, hashLeaf, noteSigner, signNote } from '@gatehouse/merkle';
import { freePort, tempDir } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { caller } from './world.fixture.js';

const folder = tempDir('cli-run');
afterAll(() => folder.remove());

const call = caller(folder.path);

describe('a wrong call', () => {
  it.each([
    ['no command', [], 'say what to do'],
    ['a group without its command', ['keys'], 'keys: say what to do'],
    ['a misspelt command', ['keys', 'crate'], 'create'],
    ['a group with a command that is like none', ['keys', 'zoom'], 'there is no command "keys zoom"'],
    ['a first word that is nearly one', ['kyes', 'list'], 'no command "kyes": did you mean gatehouse keys?'],
    ['a first word that is like none', ['zebra', 'list'], 'no command "zebra"\n'],
    ['a first word alone', ['edge-1'], 'for a device that gatehouse devices list shows'],
    ['a misspelt command of a device', ['edge-1', 'shel'], 'did you mean gatehouse edge-1 shell?'],
    ['an unknown flag', ['whoami', '--jsno'], 'jsno'],
    ['a flag given twice', ['whoami', '--url', 'https://a', '--url', 'https://b'], '--url is given more than once'],
    ['a list given with commas, given twice', ['devices', 'list', '--label', 'a=b', '--label', 'c=d'], '--label'],
    ['a subject without type', ['decide', 'ci', 'logs.read:project/x'], 'subject "ci" is not type/id'],
    ['an outcome that there is not', ['audit', 'entries', '--decision', 'maybe'], 'Choices'],
    ['a limit that is no number', ['audit', 'entries', '--limit', 'many'], '--limit'],
    ['indexes and a search', ['audit', 'proof', '1', '--last', '2', '--out', 'x'], 'either indexes'],
    ['indexes and a filter', ['audit', 'proof', '1', '--actor', 'ci', '--out', 'x'], 'either indexes'],
    ['an address that is none', ['whoami', '--url', 'localhost'], '--url'],
    ['an address with credentials', ['whoami', '--url', 'https://a:b@localhost'], 'credentials'],
    ['a key on the command line', ['login', '--api-key', 'mas_x'], 'api-key'],
    ['an overlap that is none', ['keys', 'rotate', 'ci', '--overlap', 'soon'], '--overlap'],
    ['a key file that is not there', ['keys', 'import', 'none.yml'], 'none.yml'],
    ['a family that there is not', ['keys', 'generate', '--family', 'm87'], 'Choices'],
    ['a role that there is not', ['org', 'role', 'ann', 'king'], 'Choices'],
    ['an invitation without a role', ['org', 'invite', 'ann@example.org'], 'role'],
    ['an invitation for a year', ['org', 'invite', 'a@b.c', '--role', 'user', '--expires', '365d'], '--expires'],
    ['an end that nobody confirmed', ['org', 'close', 'acme'], 'cannot be undone'],
    ['no file', ['audit', 'verify'], '0 of 1 arguments are given\n  gatehouse audit verify --help\n'],
    ['one of two names', ['devices', 'rename', 'edge-1'], 'gatehouse devices rename --help\n'],
    ['a file that is not there', ['audit', 'verify', 'none.txt', '--key', 'none.vkey'], 'none.vkey'],
  ])('%s ends with 2 and says so', async (_name, argv, words) => {
    const { exitCode, error, out } = await call(argv);
    expect(error).toContain(words);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  });

  it('takes a list flag again by its short name', async () => {
    const { error } = await call(['edge-1', 'logs', '-u', 'a.service', '-u', 'b.service']);
    expect(error).toContain('there is no key to call with');
  });

  it('is told in JSON to a script', async () => {
    const { error } = await call(['keys', 'show', '--json']);
    expect(JSON.parse(error)).toMatchObject({ exitCode: 2 });
  });
});

describe('before any call', () => {
  it('help is an answer', async () => {
    const { exitCode, out } = await call(['audit', 'verify', '--help']);
    expect(exitCode).toBe(0);
    expect(out).toContain('offline');
  });

  it('without a key it is 3', async () => {
    const { exitCode, error } = await call(['whoami']);
    expect(exitCode).toBe(3);
    expect(error).toContain('login --api-key-stdin');
  });

  it.each(['mas', 'mau'])('draws %s keys without any service, each another', async (family) => {
    const drawn = await Promise.all([1, 2, 3].map(() => call(['keys', 'generate', '--family', family])));
    for (const { exitCode, out, error } of drawn) {
      expect(exitCode).toBe(0);
      expect(out).toMatch(new RegExp(`^${family}_[A-Za-z0-9_-]{53}[AQgw]\n$`));
      expect(error).not.toContain(out.trim());
    }
    expect(new Set(drawn.map(({ out }) => out)).size).toBe(3);
  });

  it('what is not a key is not asked about, and not repeated', async () => {
    const { exitCode, error } = await call(['keys', 'find'], {}, { stdin: Readable.from(['hunter2-and-more\n']) });
    expect(exitCode).toBe(2);
    expect(error).not.toContain('hunter2');
  });

  it('without a server it is 5, and the key is not told', async () => {
    const port = await freePort();
    const { exitCode, error } = await call(['whoami', '--url', `http://127.0.0.1:${port}`], {
      GATEHOUSE_API_KEY: 'mas_secret',
    });
    expect(exitCode).toBe(5);
    expect(error).toContain('ECONNREFUSED');
    expect(error).not.toContain('mas_secret');
  });

  it('an invalid certificate is not to be trusted in production', async () => {
    const { exitCode } = await call(['whoami'], { M87_TRUST_INVALID_CERT: '1', NODE_ENV: 'production' });
    expect(exitCode).toBe(2);
  });

  it('a key that would break out of its header is refused', async () => {
    const { exitCode, error } = await call(['whoami'], { GATEHOUSE_API_KEY: 'mas_x\r\nhost: evil' });
    expect(exitCode).toBe(3);
    expect(error).not.toContain('evil');
  });
});

describe('audit verify', () => {
  const origin = 'gatehouse.example/ledger';
  const { privateKey } = generateKeyPairSync('ed25519');
  const vkey = formatVkey(origin, privateKey);
  const event = {
    type: 'decision.recorded',
    occurredAt: '2026-11-22T03:04:05.678Z',
    data: {
      decision: false,
      action: 'deploy.production',
      subject: { type: 'service', id: 'ci\u001b[2J' },
      resource: { type: 'project', id: 'app-web' },
    },
  };
  const entry = Buffer.from(JSON.stringify(event));
  const checkpoint = signNote(
    formatCheckpoint({ origin, size: 1, root: hashLeaf(entry) }),
    noteSigner(origin, privateKey),
  );
  const proof = Buffer.from(formatProof({ entry, index: 0, hashes: [], checkpoint }));
  const file = join(folder.path, 'proof.txt');
  const verify = (bytes: Uint8Array, ...more: string[]) => {
    writeFileSync(file, bytes);
    return call(['audit', 'verify', 'proof.txt', '--key', vkey, '--utc', ...more]);
  };

  it('needs the file and the key alone, and says what is proven', async () => {
    const { exitCode, out, error } = await verify(proof);
    expect(out).toContain('deny service/ci\\u001b[2J deploy.production on project/app-web');
    expect(out).toContain('2026-11-22T03:04:05Z');
    expect(out).toContain('verified: 1 entry is in the ledger gatehouse.example/ledger');
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' });
  });

  it('takes the key from the settings folder', async () => {
    writeFileSync(file, proof);
    writeFileSync(join(folder.path, 'ledger.vkey'), `${vkey}\n`);
    const { exitCode } = await call(['audit', 'verify', 'proof.txt'], { GATEHOUSE_CONFIG_DIR: folder.path });
    expect(exitCode).toBe(0);
  });

  it('gives a script the whole event', async () => {
    const { out } = await verify(proof, '--json');
    expect(JSON.parse(out)).toMatchObject({ ok: true, origin, entries: [{ index: 0, size: 1, event }] });
  });

  it('names the entry of a file that was changed, and ends with 1', async () => {
    const changed = Buffer.from(proof);
    const at = proof.indexOf('extra ') + 20;
    changed[at] = (changed[at] ?? 0) ^ 1;
    const { exitCode, out } = await verify(changed);
    expect(exitCode).toBe(1);
    expect(out).toContain('entry 0 (proof 1 of the file)');
    expect(out).toContain('NOT VERIFIED');
    expect(JSON.parse((await verify(changed, '--json')).out)).toMatchObject({ ok: false, problems: [{ index: 0 }] });
  });

  it('refuses the key of another ledger', async () => {
    const other = formatVkey(origin, generateKeyPairSync('ed25519').privateKey);
    writeFileSync(file, proof);
    expect((await call(['audit', 'verify', 'proof.txt', '--key', other])).exitCode).toBe(1);
  });

  it('colours the verdict on a terminal, unless NO_COLOR asks not to', async () => {
    await verify(proof);
    const argv = ['audit', 'verify', 'proof.txt', '--key', vkey];
    expect((await call(argv, {}, { stdoutIsTerminal: true })).out).toContain('\u001b[32m');
    expect((await call(argv, { NO_COLOR: '1' }, { stdoutIsTerminal: true })).out).not.toContain('\u001b');
    expect(readFileSync(file).equals(proof)).toBe(true);
  });
});
