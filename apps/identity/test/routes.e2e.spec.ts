import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Access, listRoutes } from '@gatehouse/http';
import { type RunningService, startService } from '@gatehouse/service';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { identityService } from '../src/app.module.js';
import { type Stack, startStack } from './stack.fixture.js';

/** `UPDATE_ROUTES=1` writes it anew: whoever may call what is then read in the difference. */
const file = fileURLToPath(new URL('../../routes.md', import.meta.url));

let stack: Stack;
let service: RunningService;

beforeAll(async () => {
  stack = await startStack();
  service = await startService(identityService, stack.env());
});
afterAll(async () => {
  await service?.stop();
  await stack?.stop();
});

const words: Readonly<Record<Access['kind'], string>> = {
  public: 'anybody',
  authenticated: 'any known caller',
  action: 'whoever policy allows',
  internal: "whoever reaches the service's own port",
};

function whoMay(access: Access | undefined): string {
  if (access === undefined) return 'NOBODY: not listed';
  return access.kind === 'action' ? `\`${access.action}\`` : words[access.kind];
}

function table(): string {
  const rows = listRoutes(service.app)
    .map(({ method, path, access, summary }) => ({
      key: `${path} ${method}`,
      text: `| \`${method} ${path}\` | ${whoMay(access)} | ${summary.replaceAll('|', '\\|')} |`,
    }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const head = [
    '# Every route of identity, and who may call it',
    '',
    'Written by `test/routes.e2e.spec.ts` from the running service, and compared with it at every test. An action is one recorded',
    'decision of policy in the tenant of the caller; "any known caller" means that the handler decides the rest, which is about the',
    "caller's own affairs. Bodies, parameters and answers are in `/openapi.json`.",
    '',
    '| route | who may | what |',
    '|---|---|---|',
  ];
  return `${[...head, ...rows.map(({ text }) => text)].join('\n')}\n`;
}

it('has a table of all its routes that is true', () => {
  const text = table();
  if (process.env.UPDATE_ROUTES === '1') writeFileSync(file, text);
  expect(text).not.toContain('NOBODY');
  expect(readFileSync(file, 'utf8')).toBe(text);
});
