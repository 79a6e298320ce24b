import { GatehouseError, type Problem, refusal } from './gatehouse-error.js';
import { escapedPath } from './secret-path.js';
import { type ClientOptions, type Transport, transportFor } from './transport.js';

/** One version of a secret, opened. Each read is a decision of its own, recorded under the caller's name. */
export interface Secret {
  readonly path: string;
  readonly version: number;
  /** The members of the version; of a secret with one value `value`, or `value_base64` where it is no text. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
  readonly reference?: string;
}

export interface SecretList {
  /** Below the prefix: `name` is a secret, `name/` a folder. */
  readonly keys: readonly string[];
  readonly nextCursor: string | null;
}

export interface EntityReference {
  readonly type: string;
  readonly id: string;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** An access evaluation of AuthZEN 1.0. */
export interface DecisionRequest {
  readonly subject: EntityReference;
  readonly action: { readonly name: string; readonly properties?: Readonly<Record<string, unknown>> };
  readonly resource: EntityReference;
  readonly context?: Readonly<Record<string, unknown>>;
}

export interface Decision {
  readonly decision: boolean;
  /** `id` finds the decision in the ledger. */
  readonly context?: Readonly<Record<string, unknown>> & { readonly id?: string; readonly reason?: string };
}

interface Results {
  readonly results?: readonly (
    | (Secret & { readonly ok: true })
    | { readonly ok: false; readonly error: Problem & { readonly status: number } }
  )[];
}

/** In one request. */
const maxSecrets = 64;

const secretsPath = '/api/v1/vault/secrets';

/**
 * Secrets and decisions over HTTPS. Every method throws a {@link GatehouseError} with a code to switch on.
 *
 * @example
 * const gatehouse = new GatehouseClient({ url: 'https://gatehouse.example.com', credential: () => readFile(keyFile, 'utf8') });
 * const { data } = await gatehouse.secrets.read('production/DATABASE_URL');
 */
export class GatehouseClient {
  readonly secrets: SecretsClient;
  readonly #send: Transport;

  constructor(options: ClientOptions) {
    this.#send = transportFor(options);
    this.secrets = new SecretsClient(this.#send);
  }

  /** Asks whether a subject may do something. A deny is an answer, not an error. */
  async decide(request: DecisionRequest): Promise<Decision> {
    const answer = await this.#send<Decision>({ method: 'POST', path: '/access/v1/evaluation', body: request });
    // Only a plain yes is a yes, whatever stands between us and the service.
    return { ...answer, decision: answer?.decision === true };
  }
}

export class SecretsClient {
  readonly #send: Transport;

  constructor(send: Transport) {
    this.#send = send;
  }

  /** The current version of a path, or the one that is asked for. */
  async read(path: string, { version }: { readonly version?: number } = {}): Promise<Secret> {
    return this.#send<Secret>({ method: 'GET', path: `${secretsPath}/${escapedPath(path)}`, query: { version } });
  }

  /**
   * The current version of each path, in their order and in as few requests as it takes. What can't be read is its error,
   * beside the others: `answers.filter((answer) => answer instanceof GatehouseError)`.
   *
   * @throws GatehouseError where nothing can be read; RangeError for a path that is none
   */
  async readMany(paths: readonly string[]): Promise<readonly (Secret | GatehouseError)[]> {
    for (const path of paths) escapedPath(path);
    const answers: (Secret | GatehouseError)[] = [];
    for (let from = 0; from < paths.length; from += maxSecrets)
      answers.push(...(await this.#readSome(paths.slice(from, from + maxSecrets))));
    return answers;
  }

  async #readSome(paths: readonly string[]): Promise<readonly (Secret | GatehouseError)[]> {
    const body = { secrets: paths.map((path) => ({ path })) };
    const { results } = await this.#send<Results>({ method: 'POST', path: '/api/v1/vault/read', body });
    if (results?.length !== paths.length)
      throw new GatehouseError('the answer is not that of Gatehouse', 'unexpected_answer', 200);
    return Promise.all(
      results.map((result, i) => {
        if (result.ok) return withoutOk(result);
        const { error } = result;
        return error.code === 'answer_too_large' ? this.#readAlone(paths[i] as string) : refusal(error.status, error);
      }),
    );
  }

  #readAlone(path: string): Promise<Secret | GatehouseError> {
    return this.read(path).catch((error: unknown) => {
      if (error instanceof GatehouseError) return error;
      throw error;
    });
  }

  /** The current version behind `secret://<tenant>/<scope>/<name>`. */
  async resolve(reference: string): Promise<Secret> {
    return this.#send<Secret>({ method: 'GET', path: '/api/v1/vault/resolve', query: { reference } });
  }

  /** One page of names below a prefix; without one, of the top. */
  async list(
    prefix = '',
    { limit, cursor }: { readonly limit?: number; readonly cursor?: string } = {},
  ): Promise<SecretList> {
    return this.#send<SecretList>({ method: 'GET', path: secretsPath, query: { prefix, limit, cursor } });
  }
}

const withoutOk = ({ ok: _, ...secret }: Secret & { readonly ok: true }): Secret => secret;
