import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { root, Stack } from './stack.fixture.js';

/** The page on policies with the real program, on the whole product. */

// Several commands a test, each a process of its own.
jest.setTimeout(180_000);

const stack = new Stack('policy-tour');
const page = readFileSync(join(root, 'docs/policies.md'), 'utf8');
const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const [, online = []] = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block.trim().split('\n'));

beforeAll(async () => {
  await stack.start();
  writeFileSync(join(stack.folder, 'policy.yaml'), example);
}, 300_000);
afterAll(() => stack.remove(), 60_000);

const gatehouse = (line: string) => stack.call(words(line));
const ran = (line: string) => stack.ran(words(line));

/** Words of a command line, some of them in quotation marks. */
const words = (line: string): string[] =>
  [...line.replace(/^gatehouse /, '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

const digestIn = (text: string): string => /sha256:[0-9a-f]{64}/.exec(text)?.[0] ?? '';

describe('a policy', () => {
  let before = '';

  it('is compared, drafted, and not activated without --yes', async () => {
    const diff = await gatehouse('policy diff -f policy.yaml --check');
    expect(diff.exitCode).toBe(1);
    expect(diff.out).toContain('+ role releaser\n');
    expect(diff.out).toContain('+ rule no-weekend-deploys\n');
    const { exitCode, out, error } = await gatehouse('policy apply -f policy.yaml --reason tour');
    expect(exitCode).toBe(1);
    expect(out).toContain('+ rule partners');
    expect(error).toContain('--yes activates it');
    expect(await ran('policy versions')).toContain('the built-in roles alone');
  });

  it('is applied, and the same text again changes nothing', async () => {
    expect(await ran('policy apply -f policy.yaml --reason "release team" --yes')).toContain('is active');
    expect(await ran('policy apply -f policy.yaml --reason again --yes')).toContain('unchanged');
    expect(JSON.parse(await ran('policy apply -f policy.yaml --reason again --yes --json'))).toMatchObject({
      status: 'unchanged',
    });
    expect((await gatehouse('policy diff -f policy.yaml --check')).exitCode).toBe(0);
    const digest = digestIn(await ran('policy versions'));
    expect(JSON.parse(await ran('policy show')).roles).toMatchObject([{ name: 'releaser' }]);
    expect(JSON.parse(await ran(`policy show ${digest.slice(7, 19)} --json`))).toMatchObject({ digest });
    expect(await ran('policy show')).not.toContain('user/eve@');
    expect(await ran('policy matrix --role releaser --role viewer')).toMatch(/deploy\.preview +- +yes/);
  });

  it('decides: who may, what one may, and why', async () => {
    before = new Date().toISOString();
    await ran('grants create user/ann releaser --scope project/web');
    expect(await ran('roles list')).toContain('releaser');
    expect(await ran('policy who-can deploy.preview project/web')).toContain('user/ann\n');
    expect(await ran(`policy who-can deploy.preview project/web --at ${before}`)).not.toContain('user/ann');
    const why = await ran('policy who-can deploy.preview project/web --why');
    expect(why).toMatch(/user\/ann +role releaser +project\/web +role\.granted +\S+ +service\/operator/);
    expect(await ran('policy what-can user/ann deploy.preview --type project')).toBe('project/web\n');
    expect(await ran('policy what-can user/ann --on project/web')).toContain('deploy.preview\n');
    const permitted = await ran('policy explain user/ann deploy.preview project/web --check');
    expect(permitted).toContain('permit\n');
    expect(permitted).toContain('role releaser, rule 0');
    const denied = await gatehouse('policy explain user/bob deploy.preview project/web --check');
    expect(denied.exitCode).toBe(1);
    expect(denied.out).toMatch(/needed roles .*releaser/);
    expect(await ran(`policy explain user/ann deploy.preview project/web --at ${before}`)).toContain('deny\n');
  });

  it('is tried on what was asked', async () => {
    const narrow = example.replace('inherits: [developer]', 'inherits: [viewer]').replace('deploy.*', 'doc.write');
    writeFileSync(join(stack.folder, 'narrow.yaml'), narrow);
    const simulate = `policy simulate --from ${before} --fail-on newly-denied --candidate`;
    const { exitCode, out } = await gatehouse(`${simulate} narrow.yaml`);
    expect(exitCode).toBe(1);
    expect(out).toMatch(/newly allowed +0\n/);
    expect(out).toMatch(/by role +releaser +[1-9]/);
    expect(out).toMatch(/user\/ann +deploy\.preview +project\/web +permitted: releaser#0@\S+ +no_permit/);
    const same = JSON.parse(await ran(`${simulate} policy.yaml --json`));
    expect(same).toMatchObject({ newlyAllowed: { total: 0 }, newlyDenied: { total: 0 } });
    expect(same.decisions).toBeGreaterThan(0);
  });

  it('is rolled back', async () => {
    expect(await ran('policy rollback --reason tried')).toContain('built-in roles is active again');
    expect(await ran('policy who-can deploy.preview project/web')).not.toContain('user/ann');
    const active = JSON.parse(await ran('policy versions --json'));
    expect(active).toMatchObject({
      digest: null,
      mode: 'strict',
      versions: [{ title: 'Release team, public logs, quiet weekends' }],
    });
    expect(await ran(`policy activate ${active.versions[0].digest.slice(0, 20)} --reason again`)).toContain(
      'is active',
    );
  });

  it('that is wrong is refused, by the service too', async () => {
    expect((await gatehouse('policy show 0123456')).exitCode).toBe(1);
    writeFileSync(join(stack.folder, 'wrong.yaml'), 'rules: [{id: a, type: access, mode: allow, patterns: []}]');
    expect((await gatehouse('policy apply -f wrong.yaml --reason x --yes')).exitCode).toBe(1);
    const key = (await stack.call(['keys', 'create', 'reader', '--role', 'viewer'])).out.trim();
    const asViewer = (line: string) => stack.call(words(line), { GATEHOUSE_API_KEY: key });
    expect((await asViewer('policy versions')).exitCode).toBe(4);
    expect((await asViewer('policy apply -f policy.yaml --reason mine --yes')).exitCode).toBe(4);
  });
});

describe('the page', () => {
  it.each(online.map((line) => [line]))('%s', async (line) => {
    await ran(line);
  });
});

describe('with four eyes', () => {
  it('a change waits for somebody else, and a key is nobody', async () => {
    await ran('policy mode strict --four-eyes yes --reason "two of us"');
    const asked = JSON.parse(await ran('policy apply -f policy.yaml --reason again --yes --json'));
    expect(asked).toMatchObject({ status: 'awaiting_approval', requestId: expect.any(String) });
    expect(await ran('policy versions')).toContain(asked.requestId);
    expect((await gatehouse(`policy approve ${asked.requestId}`)).exitCode).toBe(4);
    expect(await ran(`policy reject ${asked.requestId} --reason "not now"`)).toContain('is rejected');
    expect(await ran('policy versions')).not.toContain(asked.requestId);
  });
});
