import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { SettingsFolder } from './folder.js';
import { writePrivateFile } from './private-file.js';
import { type CredentialsFile, credentialsPath, type OAuth2Token } from './settings.js';

const read = (path: string): Partial<CredentialsFile> =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as CredentialsFile) : {};

/** Keeps a key for later calls. A device's own credentials in the same file stay as they are. */
export const keepApiKey = (folder: SettingsFolder, apiKey: string): string =>
  keep(folder, { APIKey: { api_key: apiKey } });

/** Keeps the tokens of a sign-in, in the place of a key or of the tokens before. */
export const keepSession = (folder: SettingsFolder, token: OAuth2Token): string => keep(folder, { OAuth2Token: token });

/** The tokens of a sign-in, as they are in the file now. */
export const readSession = (folder: SettingsFolder): OAuth2Token | undefined =>
  read(credentialsPath(folder)).credentials?.OAuth2Token;

function keep(folder: SettingsFolder, credentials: CredentialsFile['credentials']): string {
  const path = credentialsPath(folder);
  const kept: CredentialsFile = { device_credentials: null, ...read(path), credentials };
  writePrivateFile(path, `${JSON.stringify(kept, null, 2)}\n`);
  return path;
}

/** Forgets the key or the sign-in; answers whether there was one. */
export function forgetCredentials(folder: SettingsFolder): boolean {
  const path = credentialsPath(folder);
  const { credentials, device_credentials: device } = read(path);
  if (!credentials) return false;
  if (device) writePrivateFile(path, `${JSON.stringify({ credentials: null, device_credentials: device }, null, 2)}\n`);
  else rmSync(path);
  return true;
}

/** Keeps the key of this machine as a device, beside those of people. */
export function keepDeviceKey(folder: SettingsFolder, apiKey: string): void {
  const path = credentialsPath(folder);
  const kept: CredentialsFile = { credentials: null, ...read(path), device_credentials: { api_key: apiKey } };
  writePrivateFile(path, `${JSON.stringify(kept, null, 2)}\n`);
}

export const readDeviceKey = (folder: SettingsFolder): string | undefined =>
  read(credentialsPath(folder)).device_credentials?.api_key;

/** Leaves a person's alone. */
export function forgetDeviceKey(folder: Pick<SettingsFolder, 'path'>): void {
  const path = credentialsPath(folder);
  const { credentials = null } = read(path);
  if (credentials === null) rmSync(path, { force: true });
  else writePrivateFile(path, `${JSON.stringify({ credentials, device_credentials: null }, null, 2)}\n`);
}
