import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { tempDir } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { run } from '../run.js';

const folder = tempDir('cli-policy');
afterAll(() => folder.remove());

const page = readFileSync(fileURLToPath(new URL('../../../../../docs/policies.md', import.meta.url)), 'utf8');
const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const offline = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block.trim().split('\n'))[0] ?? [];

async function call(argv: string[], stdin = '') {
  const written = { out: '', error: '' };
  const exitCode = await run(argv, {
    env: {},
    cwd: folder.path,
    home: folder.path,
    stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]),
    stdoutIsTerminal: false,
    stdout: process.stdout,
    stderr: process.stderr,
    writeOut: (text) => {
      written.out += text;
    },
    writeError: (text) => {
      written.error += text;
    },
  });
  return { exitCode, ...written };
}

const write = (name: string, text: string | Uint8Array) => writeFileSync(join(folder.path, name), text);

beforeAll(() => write('policy.yaml', example));

describe('the page on policies', () => {
  it('shows four commands that need no service', () => expect(offline).toHaveLength(4));

  it.each(offline.map((line) => [line]))('%s', async (line) => {
    const { exitCode, error } = await call(line.replace(/^gatehouse /, '').split(' '));
    expect({ exitCode, error: error.replace(/^.*(nothing found|passed, 0 failed).*\n/gm, '') }).toEqual({
      exitCode: 0,
      error: '',
    });
  });
});

describe('policy lint', () => {
  const wrong = 'rules:\n  - id: a\n    type: access\n    mode: alow\n    patterns: [x]\n';

  it('names file, line and column, and ends with 1', async () => {
    write('wrong.yaml', wrong);
    const { exitCode, out, error } = await call(['policy', 'lint', 'policy.yaml', 'wrong.yaml']);
    expect(out).toBe(
      'wrong.yaml:4:11: error: rules.0.mode must be one of allow, deny; did you mean "allow"? (value_wrong)\n',
    );
    expect(error).toBe('policy.yaml: nothing found\nwrong.yaml: 1 error, 0 warnings\n');
    expect(exitCode).toBe(1);
    expect(await call(['policy', 'lint', '-f', 'wrong.yaml'])).toMatchObject({ exitCode: 1, out });
  });

  it('says so when no file is named', async () => {
    for (const command of ['lint', 'test'])
      expect(await call(['policy', command])).toMatchObject({ exitCode: 2, error: expect.stringContaining('Name a') });
  });

  it('takes the standard input, and warnings alone are no failure', async () => {
    const rule = '{id: a, type: selector, effect: permit, who: {anyone: true}}';
    const { exitCode, out } = await call(['policy', 'lint', '-'], `rules: [${rule}]`);
    expect({ exitCode, out }).toEqual({
      exitCode: 0,
      out: '<stdin>:1:9: warning: rules.0 permits everything to everybody (permits_everything)\n',
    });
  });

  it('gives a script the findings and the digest', async () => {
    for (const flags of [['--json'], ['--format', 'json']]) {
      const { exitCode, out } = await call(['policy', 'lint', 'policy.yaml', 'wrong.yaml', ...flags]);
      expect(exitCode).toBe(1);
      expect(JSON.parse(out)).toMatchObject({
        ok: false,
        files: [
          { file: 'policy.yaml', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/), tests: 5, errors: [] },
          { file: 'wrong.yaml', errors: [{ code: 'value_wrong', line: 4, column: 11 }] },
        ],
      });
    }
  });

  it('annotates a workflow, and no text of the file ends a command', async () => {
    write('a,b:c.yaml', 'rules:\n  - {id: a, type: access, mode: allow, patterns: [x], "x\\n::error::%": 1}\n');
    const { out } = await call(['policy', 'lint', 'a,b:c.yaml', '--format', 'github']);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(out).toContain('::error file=a%2Cb%3Ac.yaml,line=2,col=');
    expect(out).toContain('%0A::error::%25');
  });

  it.each([
    ['that is not there', 'none.yaml', 'ENOENT'],
    ['that is no text', 'bytes.yaml', 'is not UTF-8'],
    ['that is too large', 'large.yaml', 'larger than 1 MiB'],
    ['that is a folder', '.', 'EISDIR'],
  ])('a file %s is a wrong call', async (_name, file, words) => {
    write('bytes.yaml', Uint8Array.of(0xff, 0xfe));
    write('large.yaml', '#'.repeat(1_048_577));
    const { exitCode, error } = await call(['policy', 'lint', file]);
    expect(error).toContain(words);
    expect(exitCode).toBe(2);
  });
});

describe('policy test', () => {
  it('says what was answered instead and what would have been needed', async () => {
    write(
      'failing.yaml',
      example.replace(
        'role: releaser}]}\n    expect: {decision: permit',
        'role: viewer}]}\n    expect: {decision: permit',
      ),
    );
    const { exitCode, out, error } = await call(['policy', 'test', 'failing.yaml', '--quiet']);
    expect(exitCode).toBe(1);
    expect(out).toContain('FAILED  a releaser deploys on a Monday, and confirms it');
    expect(out).toContain('expected permit, got deny (no_permit; matched: none)');
    expect(out).toContain('needed one of the roles: admin, maintainer, owner, releaser');
    expect(error).toContain('4 passed, 1 failed');
    const { out: json } = await call(['policy', 'test', 'failing.yaml', '--json']);
    expect(JSON.parse(json)).toMatchObject({ passed: 4, failed: 1 });
  });

  it('runs nothing of a file that has errors or no tests', async () => {
    write('wrong.yaml', 'rules: 1');
    expect(await call(['policy', 'test', 'wrong.yaml'])).toMatchObject({ exitCode: 1, out: '' });
    write('none.yaml', 'rules: []');
    expect(await call(['policy', 'test', 'none.yaml'])).toMatchObject({ exitCode: 2, out: '' });
  });
});

describe('what needs a service is checked before any call', () => {
  it.each([
    [['policy', 'apply', '-f', 'policy.yaml'], 'reason'],
    [['policy', 'apply', '-f', 'wrong.yaml', '--reason', 'x'], 'wrong.yaml has 1 errors'],
    [['policy', 'apply', '-f', 'failing.yaml', '--reason', 'x'], '1 test cases of failing.yaml fail'],
    [['policy', 'activate', 'latest', '--reason', 'x'], 'is no digest'],
    [['policy', 'mode', 'loose', '--reason', 'x'], 'Choices'],
    [['policy', 'simulate', '--candidate', 'policy.yaml', '--from', 'yesterday'], '--from'],
    [['policy', 'simulate', '--candidate', 'policy.yaml', '--fail-on', 'nothing'], 'Choices'],
    [['policy', 'who-can', 'x.y', 'doc/d', '--at', 'then'], '--at'],
    [['policy', 'what-can', 'user/ann'], '--type'],
    [['policy', 'explain', 'ann', 'x.y', 'doc/d'], 'subject "ann" is not type/id'],
    [['policy', 'tighten', '--days', '0'], '--days'],
  ])('%j', async (argv, words) => {
    write('wrong.yaml', 'rules: 1');
    const { exitCode, error, out } = await call(argv);
    expect(error).toContain(words);
    expect(out === '' || words.includes('test cases')).toBe(true);
    expect([1, 2]).toContain(exitCode);
  });
});
