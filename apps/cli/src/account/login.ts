import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Client, type IssuedTokens, toToken } from '../client.js';
import { defineCommand, type Tools } from '../command.js';
import { exitCodes, Failure, usageFailure } from '../failure.js';
import { RefusedError } from '../output/problem.js';
import { formatReference } from '../reference.js';
import { forgetCredentials, keepApiKey, keepSession, readSession } from '../settings/credentials.js';
import { homeFolder, type SettingsFolder } from '../settings/folder.js';
import { writePrivateFile } from '../settings/private-file.js';
import { configPath, type OAuth2Token, type Settings } from '../settings/settings.js';
import { cliClientId, signInWithDeviceCode } from './device-sign-in.js';
import { type SecretReader, secretReader } from './read-secret.js';
import { readCaller } from './whoami.js';

const maxKeyLength = 512;

export const login = defineCommand({
  command: 'login',
  describe: 'Sign in, or keep a key for later calls',
  options: (parser) =>
    parser
      .option('email', {
        type: 'string',
        requiresArg: true,
        describe: 'Sign in as this person; the password is asked for, or read from the standard input',
      })
      .option('tenant', { type: 'string', requiresArg: true, describe: 'The tenant to act in, with --email' })
      .option('api-key-stdin', { type: 'boolean', describe: 'Keep a key, read from the standard input' })
      .option('no-browser', { type: 'boolean', default: false, describe: 'Only print where to sign in' })
      .conflicts('email', 'api-key-stdin')
      .conflicts('tenant', 'api-key-stdin')
      .example('$0 login --url https://gatehouse.example.com', 'in a browser, on this machine or another')
      .example('$0 login --url https://gatehouse.example.com --email ann@example.com', '')
      .example('$0 login --url https://gatehouse.example.com --api-key-stdin < key.txt', ''),
  run: async ({ email, tenant, 'api-key-stdin': isKey, 'no-browser': noBrowser }, tools) => {
    if (email !== undefined) return signIn(tools, email, tenant);
    if (isKey === true) return keepKey(tools);
    if (tenant !== undefined) throw usageFailure('--tenant goes with --email: in the browser the page asks for it');
    return signInInBrowser(tools, !noBrowser);
  },
});

/** RFC 8628: whoever sits at a browser, here or elsewhere, types the code and sees what is asked for. */
async function signInInBrowser(tools: Tools, isBrowser: boolean): Promise<undefined> {
  const settings = tools.settings();
  const tokens = await signInWithDeviceCode(tools, new Client(settings), isBrowser);
  const { folder, path } = keepTokens(tools, settings, toToken(tokens, Date.now(), cliClientId));
  const caller = await readCaller(new Client({ ...withoutKey(settings), folder, session: sessionIn(folder) }));
  if (tools.output.isJson) tools.output.json({ ...caller, file: path });
  else
    tools.output.line(`${settings.url.value} knows you as ${formatReference(caller)}; the sign-in is kept in ${path}`);
  return undefined;
}

function withoutKey({ apiKey: _key, ...settings }: Settings): Settings {
  return settings;
}

function sessionIn(folder: SettingsFolder): OAuth2Token {
  const session = readSession(folder);
  if (!session) throw new Failure(exitCodes.unavailable, 'the sign-in that was kept a moment ago is gone');
  return session;
}

function keepTokens(tools: Tools, settings: Settings, token: OAuth2Token): { folder: SettingsFolder; path: string } {
  const folder = ownFolder(tools);
  writeConfig(settings, folder);
  return { folder, path: keepSession(folder, token) };
}

async function keepKey(tools: Tools): Promise<undefined> {
  const apiKey = await readLine(tools.world.stdin);
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw usageFailure('the standard input does not hold a key');
  const settings = tools.settings();
  // A key that does not work is not kept.
  const caller = await readCaller(new Client({ ...settings, apiKey: { value: apiKey, from: 'the standard input' } }));
  const folder = ownFolder(tools);
  writeConfig(settings, folder);
  const path = keepApiKey(folder, apiKey);
  if (tools.output.isJson) tools.output.json({ ...caller, file: path });
  else tools.output.line(`${settings.url.value} knows you as ${formatReference(caller)}; the key is in ${path}`);
  return undefined;
}

async function signIn(tools: Tools, email: string, tenant: string | undefined): Promise<undefined> {
  const { world, output } = tools;
  const settings = tools.settings();
  const client = new Client(settings);
  const ask = secretReader(world);
  const password = await ask('Password: ');
  const wanted = { email, password, ...(tenant !== undefined && { tenant }) };
  const tokens = await client
    .postPublic<IssuedTokens>('/api/v1/auth/login', wanted)
    .catch((error: unknown) => proveSecondFactor(client, ask, error));
  const { path } = keepTokens(tools, settings, toToken(tokens, Date.now()));
  if (output.isJson) output.json({ email, file: path });
  else output.line(`${settings.url.value} knows you as ${email}; the sign-in is kept in ${path}`);
  return undefined;
}

/** Six digits are of an app, anything else is a code from paper. A passkey needs a browser. */
async function proveSecondFactor(client: Client, ask: SecretReader, error: unknown): Promise<IssuedTokens> {
  if (!(error instanceof RefusedError) || error.code !== 'second_factor_required') throw error;
  const { challenge, factors } = error.members as { challenge: string; factors: readonly string[] };
  if (!factors.includes('totp') && !factors.includes('recovery'))
    throw new Failure(
      exitCodes.unauthenticated,
      'this sign-in needs a second factor that only a browser can prove or add',
      'Make a key in the browser, and keep it here: gatehouse login --api-key-stdin',
    );
  const code = (await ask('Code of your second factor: ')).replaceAll(' ', '');
  const step = /^\d{6}$/.test(code) ? 'totp' : 'recovery';
  return client.postPublic<IssuedTokens>(`/api/v1/auth/login/${step}`, { challenge, code });
}

export const logout = defineCommand({
  command: 'logout',
  describe: 'End the sign-in, or forget the key on this machine; the key still works until it is disabled',
  run: async (_flags, tools) => {
    const folder = ownFolder(tools);
    const session = readSession(folder);
    // Ended there before it is forgotten here: forgotten first, nobody could end it any more.
    if (session) await endSignIn(new Client(tools.settings()), session);
    if (!forgetCredentials(folder))
      throw new Failure(
        exitCodes.negative,
        `there is no key and no sign-in in ${folder.path}`,
        'gatehouse config show tells where keys come from',
      );
    if (session) tools.output.note('You are signed out.');
    else tools.output.note('The key is forgotten here. To stop it from working: gatehouse keys disable NAME');
    return undefined;
  },
});

/** OAuth's tokens end as RFC 7009 has it, and the family with them. */
async function endSignIn(client: Client, { refresh_token, client_id }: OAuth2Token): Promise<void> {
  if (client_id === undefined) await client.postPublic('/api/v1/auth/logout', { refresh_token });
  else await client.postForm('/oidc/revoke', { token: refresh_token ?? '', client_id });
}

/** The key of a development stack is that stack's: logging in and out leaves it alone. */
function ownFolder({ world, settings }: Tools): SettingsFolder {
  const { folder } = settings();
  return folder.origin === 'development' && folder.profile === undefined ? homeFolder(world) : folder;
}

/** Address and trust go with the key, so that the next call finds the same Gatehouse. */
function writeConfig({ url, ca, ledgerKey }: Settings, folder: SettingsFolder): void {
  // A ledger key that is pinned already stays pinned; otherwise the first proof pins one in the folder.
  const pinned = existsSync(ledgerKey.value) ? { ledgerKey: ledgerKey.value } : {};
  const config = { url: url.value, ...(ca && { ca: ca.value }), ...pinned };
  writePrivateFile(configPath(folder), `${JSON.stringify(config, null, 2)}\n`);
}

/** The one line of the standard input. @throws Failure for more than any key has */
export async function readLine(input: Readable): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.length > maxKeyLength) throw usageFailure('the standard input holds more than a key');
  }
  return text.trim();
}
