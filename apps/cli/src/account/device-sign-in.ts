import { spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import type { Client, IssuedTokens } from '../client.js';
import type { Tools } from '../command.js';
import { exitCodes, Failure } from '../failure.js';
import { RefusedError } from '../output/problem.js';
import { printable } from '../output/table.js';
import { untilSignal } from '../process-signals.js';
import { browserProgram, type DeviceCode, isWebAddress, nextPoll, type Polled } from './device-flow.js';

/** Built into every installation: a public client. */
export const cliClientId = 'gatehouse-cli';
const grantType = 'urn:ietf:params:oauth:grant-type:device_code';
/** Everyday work; identity gives of it what the client and the person may have. */
const scope = [
  ...['openid', 'email', 'profile', 'offline_access'],
  ...['tenant.read', 'members.read', 'role.read', 'key.read', 'client.read', 'decision.evaluate', 'projection.read'],
  ...['project.*', 'environment.*', 'domain.*', 'service.*', 'deploy.*', 'logs.*', 'secret.*', 'audit.*', 'device.*'],
].join(' ');
const usualSeconds = 5;

const overTexts = {
  denied: 'the sign-in was refused in the browser',
  expired: 'nobody confirmed the sign-in in time',
  refused: 'the sign-in could not be finished',
} as const;

/** Walks a device flow to its end. @throws Failure when it was denied, nobody answered, or Ctrl-C ended it */
export async function signInWithDeviceCode(tools: Tools, client: Client, opens: boolean): Promise<IssuedTokens> {
  const begun = await client.postForm<DeviceCode>('/oidc/device/auth', { client_id: cliClientId, scope });
  if (!isWebAddress(begun.verification_uri))
    throw new Failure(exitCodes.unavailable, 'the address for the sign-in is none of the web');
  tools.output.note(`Open ${printable(begun.verification_uri)}\nand type ${printable(begun.user_code)}`);
  if (opens) openBrowser(begun.verification_uri, tools);
  const until = untilSignal();
  try {
    return await poll(client, begun, until.signal);
  } finally {
    until.end();
  }
}

async function poll(client: Client, begun: DeviceCode, signal: AbortSignal): Promise<IssuedTokens> {
  const endsAt = Date.now() + begun.expires_in * 1_000;
  let seconds = begun.interval ?? usualSeconds;
  for (;;) {
    await wait(seconds * 1_000, undefined, { signal }).catch(() => {
      throw new Failure(exitCodes.unauthenticated, 'the sign-in was interrupted');
    });
    const answer = await ask(client, begun.device_code);
    if (typeof answer === 'object' && 'access_token' in answer) return answer;
    const next = Date.now() > endsAt ? nextPoll({ error: 'expired_token' }, seconds) : nextPoll(answer, seconds);
    if (next.kind === 'over') throw new Failure(exitCodes.unauthenticated, `${overTexts[next.reason]} (${next.error})`);
    if (next.kind === 'wait') seconds = next.seconds;
  }
}

async function ask(client: Client, deviceCode: string): Promise<IssuedTokens | Polled> {
  const form = { grant_type: grantType, device_code: deviceCode, client_id: cliClientId };
  try {
    return await client.postForm<IssuedTokens>('/oidc/token', form);
  } catch (error) {
    if (error instanceof RefusedError && typeof error.members.error === 'string') return { error: error.members.error };
    if (error instanceof Failure && error.exitCode === exitCodes.unavailable) return 'no_answer';
    throw error;
  }
}

/** A convenience: where it fails, the address is on the screen already. */
function openBrowser(address: string, { world }: Tools): void {
  const program = browserProgram(process.platform, world.env);
  if (program === undefined) return;
  const child = spawn(program, [address], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
}
