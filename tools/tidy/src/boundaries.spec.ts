import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = path.join(import.meta.dirname, '../../..');
const config = path.join(root, '.dependency-cruiser.cjs');
const libs = ['bus', 'contracts', 'crypto', 'merkle', 'testing'];

/** [rule, file that breaks it, its text, other files it needs]. */
const violations: readonly (readonly [string, string, string, Readonly<Record<string, string>>?])[] = [
  ['apps-stand-alone', 'apps/policy/src/a.ts', "import '../../audit/src/index.js';"],
  ['apps-are-roots', 'libs/bus/src/a.ts', "import '../../../apps/audit/src/index.js';"],
  ['apps-are-roots', 'tools/up/src/a.ts', "import '../../../apps/audit/src/index.js';"],
  ['libs-look-down', 'libs/bus/src/b.ts', "import '../../../tools/up/src/index.js';"],
  ['tools-are-leaves', 'apps/policy/src/b.ts', "import '../../../tools/up/src/index.js';"],
  ['pure-libs-no-framework', 'libs/contracts/src/a.ts', "import '@nestjs/common';"],
  ['pure-libs-no-framework', 'libs/crypto/src/a.ts', "import { type Pool } from 'pg';"],
  ['pure-libs-no-framework', 'libs/merkle/src/a.spec.ts', "import 'typeorm';"],
  ['pure-libs-no-impure-lib', 'libs/merkle/src/b.ts', "import '@gatehouse/bus';"],
  ['pure-libs-no-network', 'libs/crypto/src/b.ts', "import 'node:net';"],
  ['pure-libs-no-network', 'libs/crypto/src/c.ts', "import { exec } from 'child_process';"],
  ['only-the-index', 'apps/policy/src/c.ts', "import '../../../libs/bus/src/inner.js';"],
  ['only-the-index', 'libs/merkle/src/c.ts', "import '../../crypto/src/inner.js';"],
  ['only-the-index', 'bench/src/a.ts', "import '../../libs/bus/src/inner.js';"],
  ['no-build-output', 'apps/policy/src/d.ts', "import '../../../libs/bus/dist/index.js';"],
  ['no-circular', 'libs/bus/src/c.ts', "import './d.js';", { 'libs/bus/src/d.ts': "import './c.js';" }],
  ['not-to-unresolvable', 'libs/bus/src/e.ts', "import './missing.js';"],
  ['not-to-unresolvable', 'apps/policy/src/e.ts', "import '@gatehouse/bus/src/inner.js';"],
  ['no-undeclared-package', 'apps/policy/src/f.ts', "import 'undeclared';"],
  ['production-no-dev-package', 'apps/policy/src/g.ts', "import 'fast-check';"],
  ['production-no-testing', 'libs/bus/src/f.ts', "import '@gatehouse/testing';"],
  ['production-no-testing', 'tools/up/src/b.ts', "import '@gatehouse/testing';"],
  ['production-no-spec', 'libs/bus/src/g.ts', "import './inner.spec.js';"],
];

/** What looks like a violation and is not. */
const allowed: Readonly<Record<string, string>> = {
  'apps/audit/src/ok.ts': "import '@gatehouse/bus';\nimport '@nestjs/common';\nimport './index.js';",
  'apps/audit/src/ok.spec.ts': "import 'fast-check';\nimport '@gatehouse/testing';\nimport './ok.js';",
  'apps/audit/test/walk.e2e.spec.ts': "import '@gatehouse/testing';\nimport '../src/index.js';",
  'apps/audit/bin/audit.mjs': "import '../dist/main.js';",
  'apps/audit/src/left.entity.ts': "import './right.entity.js';",
  'apps/audit/src/right.entity.ts': "import './left.entity.js';",
  'libs/bus/src/ok.ts': "import 'pg';\nimport 'node:net';",
  'libs/bus/src/ok-types.ts': "import type { Arbitrary } from 'fast-check';\nexport type A = Arbitrary<string>;",
  'libs/bus/src/store.contract.ts': "import 'fast-check';\nimport '@gatehouse/testing';",
  'libs/merkle/src/ok.ts': "import 'node:crypto';\nimport 'zod';\nimport '@gatehouse/crypto';",
  'libs/merkle/src/ok.spec.ts': "import 'fast-check';",
  'bench/src/ok.ts': "import 'fast-check';\nimport '@gatehouse/testing';",
  'tools/tidy/src/ok.ts': "import 'fast-check';",
};

interface Cruise {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

let folder = '';

function write(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), `${text}\n`);
}

/** A workspace like ours in miniature, with empty packages where the real ones would be. */
function writeWorkspace(): void {
  const installed = ['@nestjs/common', 'pg', 'typeorm', 'zod'];
  write(
    'package.json',
    JSON.stringify({
      workspaces: ['apps/*', 'libs/*'],
      dependencies: Object.fromEntries(installed.map((name) => [name, '1'])),
      devDependencies: { 'fast-check': '1' },
    }),
  );
  for (const name of [...installed, 'fast-check', 'undeclared']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, 'module.exports = {};');
  }
  mkdirSync(path.join(folder, 'node_modules/@gatehouse'));
  for (const name of libs) {
    const condition = { '@gatehouse/source': './src/index.ts', default: './dist/index.js' };
    write(`libs/${name}/package.json`, JSON.stringify({ name: `@gatehouse/${name}`, exports: { '.': condition } }));
    for (const source of ['src/index.ts', 'src/inner.ts', 'src/inner.spec.ts'])
      write(`libs/${name}/${source}`, 'export {};');
    write(`libs/${name}/dist/index.js`, 'export {};');
    symlinkSync(path.join(folder, 'libs', name), path.join(folder, 'node_modules/@gatehouse', name));
  }
  for (const name of ['apps/audit/src', 'tools/up/src']) write(`${name}/index.ts`, 'export {};');
  write('apps/audit/dist/main.js', 'export {};');
}

describe('.dependency-cruiser.cjs', () => {
  let broken: string[] = [];

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'boundaries-'));
    writeWorkspace();
    for (const [, name, text, more = {}] of violations) {
      for (const [path, content] of [[name, text], ...Object.entries(more)]) write(path ?? '', content ?? '');
    }
    for (const [name, text] of Object.entries(allowed)) write(name, text);
    const cruiser = path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const run = spawnSync(
      process.execPath,
      [cruiser, '--config', config, '--output-type', 'json', 'apps', 'libs', 'tools', 'bench'],
      { cwd: folder, encoding: 'utf8' },
    );
    if (run.stdout === '') throw new Error(run.stderr);
    const { summary }: Cruise = JSON.parse(run.stdout);
    broken = summary.violations.map(({ rule, from }) => `${rule.name} ${from}`);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(violations)('%s is broken by %s', (rule, name) => expect(broken).toContain(`${rule} ${name}`));

  it('allows what is meant to be allowed', () => {
    expect(broken.filter((line) => Object.keys(allowed).some((name) => line.endsWith(` ${name}`)))).toEqual([]);
  });

  it('has no rule that is not proved here', () => {
    const { forbidden }: { forbidden: { name: string }[] } = createRequire(import.meta.url)(config);
    expect(new Set(violations.map(([rule]) => rule))).toEqual(new Set(forbidden.map(({ name }) => name)));
  });
});
