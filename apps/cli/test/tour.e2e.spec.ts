import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProofFileVerdict, verifyProofFile } from '@gatehouse/merkle';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Stack } from './stack.fixture.js';

/** The tour of the README with the real program, on the whole product as `npm start` runs it. */

const stack = new Stack('tour');
const { folder, data } = stack;
const proofFile = join(folder, 'proof.txt');

beforeAll(() => stack.start(), 180_000);
afterAll(() => stack.remove(), 60_000);

const gatehouse: Stack['call'] = (...given) => stack.call(...given);
const ran = (args: string[]): Promise<string> => stack.ran(args);

describe('the tour', () => {
  let key = '';
  let decisionIds: string[] = [];

  it('1: makes a key, and its role counts at once', async () => {
    const { exitCode, out, error } = await gatehouse(['keys', 'create', 'ci', '--role', 'developer']);
    expect({ exitCode, error }).toMatchObject({ exitCode: 0 });
    key = out.trim();
    expect(key).toMatch(/^mas_[A-Za-z0-9_-]+$/);
    expect(error).toContain('only time the key is shown');
    expect(error).not.toContain(key);
    expect(await ran(['keys', 'list'])).not.toContain(key);
  });

  it('2: asks two decisions, one allowed and one denied', async () => {
    const ask = async (question: string) => (await ran(['decide', 'service/ci', question])).split('\n')[1] ?? '';
    const rows = [await ask('deploy.preview:project/app-web'), await ask('deploy.production:project/app-web')];
    expect(rows.map((row) => row.split(/ +/).slice(0, 3))).toEqual([
      ['allow', 'deploy.preview', 'project/app-web'],
      ['deny', 'deploy.production', 'project/app-web'],
    ]);
    decisionIds = rows.map((row) => row.split(/ +/).at(-1) ?? '');
    expect((await gatehouse(['decide', 'service/ci', 'deploy.preview:project/app-web', '--check'])).exitCode).toBe(0);
  });

  it('4: downloads the proof of the two once a checkpoint covers them', async () => {
    const filters = ['--actor', 'service/ci', '--resource', 'project/app-web'];
    const out = await ran(['audit', 'proof', '--last', '3', ...filters, '--out', 'proof.txt']);
    expect(out).toContain('3 proven');
    expect(statSync(proofFile).mode & 0o777).toBe(0o600);
  });

  it('3: lists the entries, with the ids of the answers', async () => {
    const out = await ran(['audit', 'entries', '--type', 'decision.recorded', '--actor', 'service/ci']);
    for (const id of decisionIds) expect(out).toContain(id);
    const denied = JSON.parse(await ran(['audit', 'entries', '--decision', 'deny', '--actor', 'service/ci', '--json']));
    expect(denied.entries).toMatchObject([{ id: decisionIds[1], action: 'deploy.production', decision: false }]);
    expect(JSON.parse(await ran(['audit', 'entries', '--actor', 'user/ci', '--json'])).entries).toEqual([]);
  });

  it('refusals have their exit codes', async () => {
    const env = { GATEHOUSE_API_KEY: key };
    expect((await gatehouse(['whoami'], env)).out).toContain('service/ci');
    expect((await gatehouse(['keys', 'list'], env)).exitCode).toBe(4);
    expect((await gatehouse(['keys', 'create', 'ci'])).exitCode).toBe(1);
    expect((await gatehouse(['keys', 'show', 'nobody'])).exitCode).toBe(1);
    expect((await gatehouse(['keys', 'create', 'Not A Name'])).exitCode).toBe(2);
    const question = ['decide', 'service/ci', 'deploy.production:project/app-web', '--check'];
    expect((await gatehouse(question)).exitCode).toBe(1);
    expect((await gatehouse(['keys', 'disable', 'ci'])).exitCode).toBe(0);
    expect((await gatehouse(['keys', 'show', 'ci'])).out).toContain('disabled');
  });

  it('grants and revokes a role', async () => {
    const grant = JSON.parse(
      await ran(['grants', 'create', 'user/u_7', 'viewer', '--scope', 'project/app-web', '--json']),
    );
    expect(await ran(['grants', 'list', '--subject', 'user/u_7'])).toContain(grant.grantId);
    await ran(['grants', 'revoke', grant.grantId]);
    expect(await ran(['grants', 'list', '--subject', 'user/u_7'])).not.toContain(grant.grantId);
    expect(await ran(['roles', 'list'])).toContain('maintainer');
  });

  it('keeps a key that works, and only such a one', async () => {
    const made = (await gatehouse(['keys', 'create', 'laptop', '--role', 'viewer'])).out;
    const { url, ca } = JSON.parse(readFileSync(join(data, 'cli/config.json'), 'utf8'));
    const env = { GATEHOUSE_CONFIG_DIR: join(folder, 'own') };
    const login = ['login', '--url', url, '--ca', ca, '--api-key-stdin'];
    expect((await gatehouse(login, env, 'mas_wrong\n')).exitCode).toBe(3);
    const loggedIn = await gatehouse(login, env, made);
    expect(loggedIn).toMatchObject({ exitCode: 0, error: '' });
    expect(loggedIn.out).not.toContain(made.trim());
    expect((await gatehouse(['whoami'], env)).out).toContain('service/laptop');
    expect((await gatehouse(['config', 'show'], env)).out).not.toContain(made.trim());
    expect((await gatehouse(['logout'], env)).exitCode).toBe(0);
    expect((await gatehouse(['whoami'], env)).exitCode).toBe(3);
  });

  it('looks after a key that leaked: limited, replaced, found again by its old text, and taken over from a file', async () => {
    const made = (await gatehouse(['keys', 'create', 'leaky', '--role', 'viewer', '--scope', 'logs.*'])).out.trim();
    expect((await gatehouse(['whoami'], { GATEHOUSE_API_KEY: made })).exitCode).toBe(0);
    const next = (await gatehouse(['keys', 'rotate', 'leaky', '--overlap', '0'])).out.trim();
    expect(next).toMatch(/^mas_/);
    const found = await gatehouse(['keys', 'find'], {}, `${made}\n`);
    expect(found).toMatchObject({ exitCode: 0 });
    expect(found.out).toContain('replaced, and works no more');
    expect(found.out).toContain('logs.*');
    expect(found.out + found.error).not.toContain(made.slice(12));
    expect((await gatehouse(['keys', 'find'], {}, next)).error).toContain('gatehouse keys disable');
    const drawn = (await gatehouse(['keys', 'generate'])).out.trim();
    expect((await gatehouse(['keys', 'find'], {}, drawn)).exitCode).toBe(1);
    writeFileSync(join(folder, 'marie.yml'), `auth: { keys: [{ name: old-client, api_key: ${drawn} }] }\n`);
    expect(await ran(['keys', 'import', 'marie.yml', '--dry-run'])).toContain('would be imported');
    expect(await ran(['keys', 'import', 'marie.yml'])).not.toContain(drawn.slice(12));
    const again = JSON.parse((await gatehouse(['keys', 'find', '--json'], {}, drawn)).out);
    expect(again).toMatchObject({ key: { name: 'old-client', imported: true }, text: { state: 'current' } });
  });

  it('the ledger of now begins with the one of a checkpoint before', async () => {
    await ran(['audit', 'checkpoint', '--out', 'checkpoint.txt']);
    await ran(['keys', 'list']);
    expect(await ran(['audit', 'consistency', '--from', 'checkpoint.txt'])).toContain('consistent');
    expect(await ran(['audit', 'consistency', '--from', '3', '--to', '9'])).toContain('consistent: 3 -> 9 ->');
    expect((await ran(['audit', 'key'])).trim()).toBe(readFileSync(join(data, 'cli/ledger.vkey'), 'utf8').trim());
  });
});

describe('with the services stopped', () => {
  let vkey = '';
  let proof = Buffer.alloc(0);
  const problemsOf = (verdict: ProofFileVerdict) => (verdict.ok ? [] : verdict.problems);

  beforeAll(async () => {
    await stack.stop();
    vkey = readFileSync(join(data, 'cli/ledger.vkey'), 'utf8').trim();
    proof = readFileSync(proofFile);
  });

  it('nothing answers, and that is 5', async () => {
    expect((await gatehouse(['whoami'])).exitCode).toBe(5);
  });

  it('5: the proof holds', async () => {
    const out = await ran(['audit', 'verify', 'proof.txt']);
    expect(out).toContain('allow service/ci deploy.preview on project/app-web');
    expect(out).toContain('deny service/ci deploy.production on project/app-web');
    expect(out).toContain('verified: 3 entries are in the ledger');
  });

  it('with any byte flipped it does not, and the entry is named', () => {
    const wrong: string[] = [];
    const starts = [...proof.toString('latin1').matchAll(/c2sp\.org\/tlog-proof@v1\n/g)].map(({ index }) => index);
    expect(starts).toHaveLength(3);
    for (let at = 0; at < proof.length; at++) {
      const changed = Buffer.from(proof);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const ordinal = starts.filter((start) => start <= at).length;
      if (!problemsOf(verifyProofFile(changed, vkey)).some((problem) => problem.ordinal === ordinal))
        wrong.push(`byte ${at}: proof ${ordinal} is not named`);
    }
    expect(wrong).toEqual([]);
  });

  it('the program says so too, with exit code 1', async () => {
    const verdict = verifyProofFile(proof, vkey);
    const indexes = verdict.ok ? verdict.entries.map(({ index }) => index) : [];
    const secondStart = proof.indexOf('c2sp.org', 10);
    const places: [number, string][] = [
      [proof.indexOf('extra ') + 40, `entry ${indexes[0]} (proof 1 of the file)`],
      [proof.indexOf('\n\n') - 10, `entry ${indexes[0]} (proof 1 of the file)`],
      [proof.indexOf('extra ', secondStart) + 6, `entry ${indexes[1]} (proof 2 of the file)`],
      [proof.indexOf('index ', secondStart) + 7, '(proof 2 of the file)'],
      [proof.length - 3, `entry ${indexes[2]} (proof 3 of the file)`],
    ];
    for (const [at, words] of places) {
      const changed = Buffer.from(proof);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      writeFileSync(join(folder, 'changed.txt'), changed);
      const { exitCode, out } = await gatehouse(['audit', 'verify', 'changed.txt']);
      expect({ at, exitCode }).toEqual({ at, exitCode: 1 });
      expect(out).toContain(words);
    }
  });
});
