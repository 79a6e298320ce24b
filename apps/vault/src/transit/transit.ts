import { randomBytes } from 'node:crypto';
import type { CommandContext } from '@gatehouse/event-store';
import { type Authorize, ProblemError } from '@gatehouse/http';
import { type Asker, contextOf } from '../asker.js';
import { type Beside, decrypt, encrypt } from './encryption.js';
import type { KeyMaterial } from './key-material.js';
import { checkReadable, versionToMake } from './key-rules.js';
import { encrypts } from './key-types.js';
import { type HashName, hmacOf, isHmacOf, type SignatureForm, signBytes, verifyBytes } from './signature.js';
import type { PresentKey } from './transit-key.js';
import type { TransitKeys } from './transit-keys.js';
import { refused } from './transit-problem.js';
import { decoded, parseVersioned, versionedText } from './versioned-text.js';

/** The resource of decisions about all keys. */
export const allKeys = 'tenant/transit-keys';
export const resourceOf = (name: string): string => `transit-key/${name}`;

/** Members of one item that decide which key is used, beside the name. */
export interface Uses {
  readonly context?: string | undefined;
  readonly associated_data?: string | undefined;
  readonly key_version?: number | undefined;
}

/** A key that one call may use, with its open versions: opened once, and gone with the call. */
export class UsableKey {
  readonly #opened = new Map<number, Promise<KeyMaterial>>();

  constructor(
    readonly key: PresentKey,
    private readonly openVersion: (version: number) => Promise<KeyMaterial>,
  ) {}

  async encrypt(plaintext: Buffer, uses: Uses) {
    if (!encrypts(this.key.type)) throw refused(`a key of type ${this.key.type} does not encrypt`);
    const version = versionToMake(this.key, uses.key_version);
    const bytes = encrypt(this.key.type, await this.#material(version), plaintext, this.#beside(uses));
    return { ciphertext: versionedText({ version, bytes }), key_version: version };
  }

  async decrypt(ciphertext: string, uses: Uses): Promise<Buffer> {
    if (!encrypts(this.key.type)) throw refused(`a key of type ${this.key.type} does not decrypt`);
    const { version, bytes } = parseVersioned(ciphertext, 'ciphertext');
    checkReadable(this.key, version);
    return decrypt(this.key.type, await this.#material(version), bytes, this.#beside(uses));
  }

  async sign(input: Buffer, form: SignatureForm, wanted?: number) {
    const version = versionToMake(this.key, wanted);
    const bytes = signBytes(this.key.type, await this.#material(version), input, form);
    const publicKey = this.key.versions[version]?.publicKey;
    return { signature: versionedText({ version, bytes }, encodingOf(form)), key_version: version, publicKey };
  }

  async verify(input: Buffer, form: SignatureForm, signature: string): Promise<boolean> {
    const { version, bytes } = parseVersioned(signature, 'signature', encodingOf(form));
    checkReadable(this.key, version);
    return verifyBytes(this.key.type, await this.#material(version), input, form, bytes);
  }

  async hmac(input: Buffer, hash: HashName, wanted?: number): Promise<string> {
    const version = versionToMake(this.key, wanted);
    return versionedText({ version, bytes: hmacOf(await this.#material(version), input, hash) });
  }

  async verifyHmac(input: Buffer, hash: HashName, given: string): Promise<boolean> {
    const { version, bytes } = parseVersioned(given, 'hmac');
    checkReadable(this.key, version);
    return isHmacOf(await this.#material(version), input, hash, bytes);
  }

  #material(version: number): Promise<KeyMaterial> {
    const opening = this.#opened.get(version) ?? this.openVersion(version);
    this.#opened.set(version, opening);
    return opening;
  }

  #beside({ context, associated_data: associatedData }: Uses): Beside {
    if (this.key.derived && !context) throw refused('missing context: the key is derived');
    if (!this.key.derived && context) throw refused('the key is not derived: it takes no context');
    return {
      ...(context && { context: decoded(context, 'context') }),
      ...(associatedData && { associatedData: decoded(associatedData, 'associated_data') }),
    };
  }
}

const encodingOf = ({ marshaling }: SignatureForm) => (marshaling === 'jws' ? 'base64url' : 'base64');

/** Encryption and signatures with keys that never leave. Every call is a decision about the key. */
export class Transit {
  constructor(
    private readonly keys: TransitKeys,
    private readonly authorize: Authorize,
  ) {}

  /** @param items how many texts the call is about: recorded with the decision */
  async use(asker: Asker, action: `transit.${string}`, name: string, items = 1): Promise<UsableKey> {
    await this.admit(asker, action, resourceOf(name), { items });
    const { tenantId } = asker.caller;
    const key = await this.keys.find(tenantId, name).catch((error: unknown) => {
      // As Vault says it: what is not there is the caller's mistake here, and no empty answer.
      throw error instanceof ProblemError && error.code === 'not_found' ? refused('encryption key not found') : error;
    });
    return new UsableKey(key, (version) => this.keys.open(tenantId, key, version));
  }

  /** A fresh key, encrypted under another. */
  async dataKey(usable: UsableKey, bits: number, uses: Uses) {
    const plaintext = randomBytes(bits / 8);
    return { plaintext, ...(await usable.encrypt(plaintext, uses)) };
  }

  async find(asker: Asker, name: string): Promise<PresentKey> {
    await this.admit(asker, 'transit.read', resourceOf(name));
    return this.keys.find(asker.caller.tenantId, name);
  }

  async names(asker: Asker): Promise<readonly string[]> {
    await this.admit(asker, 'transit.read', allKeys);
    return this.keys.names(asker.caller.tenantId);
  }

  /** Asks for `transit.write` on a key, and does what changes it. */
  async change<T>(
    asker: Asker,
    name: string,
    work: (keys: TransitKeys, context: CommandContext) => Promise<T>,
  ): Promise<T> {
    const decisionId = await this.admit(asker, 'transit.write', resourceOf(name));
    return work(this.keys, { ...contextOf(asker), ...(decisionId !== undefined && { causationId: decisionId }) });
  }

  private async admit(asker: Asker, action: string, resource: string, noted?: { readonly items: number }) {
    const decision = await this.authorize(asker.caller, action, resource, asker.request, noted);
    // Only a plain `allowed: true` lets anybody in.
    if (decision?.allowed === true) return decision.decisionId;
    throw new ProblemError('forbidden', undefined, { cause: new Error(`refused: ${decision?.reason ?? 'no reason'}`) });
  }
}
