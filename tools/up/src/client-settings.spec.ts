import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noteVerifier } from '@gatehouse/merkle';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { writeClientSettings } from './client-settings.js';
import { dataFolder } from './data-folder.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gatehouse-client-'));
});
afterEach(() => rmSync(root, { recursive: true }));

it('tells the command line where the stack is and with which key its ledger signs', () => {
  const folder = dataFolder(root);
  writeClientSettings(folder, 'https://localhost:8443');
  writeClientSettings(folder, 'https://localhost:9443');
  const path = join(root, 'cli/config.json');
  const config = JSON.parse(readFileSync(path, 'utf8'));
  expect(config).toEqual({
    url: 'https://localhost:9443',
    ca: folder.keys.authority,
    ledgerKey: join(root, 'cli/ledger.vkey'),
  });
  expect(noteVerifier(readFileSync(config.ledgerKey, 'utf8').trim()).name).toBe('gatehouse.local/ledger');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
