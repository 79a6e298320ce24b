import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { SettingsFolder } from './folder.js';
import { writePrivateFile } from './private-file.js';
import { type CredentialsFile, credentialsPath } from './settings.js';

const read = (path: string): Partial<CredentialsFile> =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as CredentialsFile) : {};

/** Keeps a key for later calls. A device's own credentials in the same file stay as they are. */
export function keepApiKey(folder: SettingsFolder, apiKey: string): string {
  const path = credentialsPath(folder);
  const kept: CredentialsFile = {
    device_credentials: null,
    ...read(path),
    credentials: { APIKey: { api_key: apiKey } },
  };
  writePrivateFile(path, `${JSON.stringify(kept, null, 2)}\n`);
  return path;
}

/** Forgets the key; answers whether there was one. */
export function forgetApiKey(folder: SettingsFolder): boolean {
  const path = credentialsPath(folder);
  const { credentials, device_credentials: device } = read(path);
  if (!credentials) return false;
  if (device) writePrivateFile(path, `${JSON.stringify({ credentials: null, device_credentials: device }, null, 2)}\n`);
  else rmSync(path);
  return true;
}
