import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { type DeviceProofPurpose, signDeviceProof } from '@gatehouse/crypto';
import type { Answer, ServiceStack, Somebody } from '@gatehouse/service-testing';
import { waitFor } from '@gatehouse/testing';

export const publicUrl = 'https://gatehouse.test';
const registrations = '/api/v1/devices/registrations';
const grantKeys = '/api/v1/devices/grant-keys';

const x = (key: KeyObject): string => key.export({ format: 'jwk' }).x as string;

/** A device as it behaves towards the registry: it has two keys, and signs what it says. */
export class TestDevice {
  identity = generateKeyPairSync('ed25519');
  session = generateKeyPairSync('x25519');
  /** Set by {@link admit}. */
  deviceId = '';
  requestId = '';
  apiKey = '';

  constructor(
    readonly stack: ServiceStack,
    readonly hostname = `host-${randomBytes(4).toString('hex')}`,
  ) {}

  get keys() {
    return { identity: x(this.identity.publicKey), session: x(this.session.publicKey) };
  }

  sign(purpose: DeviceProofPurpose, said: object, url = publicUrl): string {
    return signDeviceProof(this.identity.privateKey, purpose, url, said);
  }

  registration(owner: string, changes: object = {}) {
    const said = {
      owner,
      description: { hostname: this.hostname, platform: 'linux', architecture: 'x64', version: '0.1.0' },
      keys: this.keys,
      signedAt: new Date().toISOString(),
      ...changes,
    };
    return { ...said, signature: this.sign('registration', said) };
  }

  register(owner: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.stack.call(registrations, { body: this.registration(owner), headers });
  }

  async state(changes: object = {}, { requestId = this.requestId, wait = 0 } = {}): Promise<Answer> {
    const said = { signedAt: new Date().toISOString(), ...changes };
    const body = { ...said, signature: this.sign('state', { ...said, requestId }) };
    return this.stack.call(`${registrations}/${requestId}/state?wait=${wait}`, { body });
  }

  /** Registers with an organization. */
  async ask(tenantId: string): Promise<this> {
    const { status, body, text } = await this.register(`org:${tenantId}`);
    if (status !== 202) throw new Error(`registration answered ${status}: ${text}`);
    this.requestId = body.requestId;
    this.deviceId = body.deviceId;
    return this;
  }

  /** Registers, is approved by somebody, and fetches its key; resolves when that works. */
  async admit(by: Somebody, approval: object = {}): Promise<this> {
    await this.ask(by.tenantId);
    const approved = await approve(this.stack, by, this.requestId, approval);
    if (approved.status !== 200) throw new Error(`approval answered ${approved.status}: ${approved.text}`);
    this.apiKey = (await this.state()).body.apiKey;
    const known = async () => (await this.stack.call(grantKeys, { key: this.apiKey })).status !== 401;
    await waitFor(known, { message: 'the key of the device is known' });
    return this;
  }
}

export const approve = (
  stack: ServiceStack,
  { key }: Somebody,
  requestId: string,
  body: object = {},
): Promise<Answer> => stack.call(`${registrations}/${requestId}/approve`, { key, body });

export const reject = (stack: ServiceStack, { key }: Somebody, requestId: string, body: object = {}): Promise<Answer> =>
  stack.call(`${registrations}/${requestId}/reject`, { key, body });
