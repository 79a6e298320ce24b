import type { Client } from '../../client.js';
import { usageFailure } from '../../failure.js';
import type { NamedSecret, OpenedSecret } from '../read-secrets.js';

/** As what a mount is known to the vault: it says what it references and has mounted, and is told of new versions. */
export interface ConsumerName {
  readonly kind: string;
  readonly id: string;
}

/** @throws Failure for any text but `application/ID`, `configuration/ID`, `device/ID` */
export function parseConsumer(text: string): ConsumerName {
  const [, kind = '', id = ''] =
    /^(application|configuration|device)\/([A-Za-z0-9][A-Za-z0-9._:-]{0,127})$/.exec(text) ?? [];
  if (kind === '') throw usageFailure(`--consumer "${text}" is not application/ID, configuration/ID or device/ID`);
  return { kind, id };
}

interface Changes {
  readonly changes: readonly { readonly path: string; readonly version: number }[];
  readonly position: string;
}

/** Seconds that the vault waits for a change before it answers that there is none. */
const waitSeconds = 20;

export class Consumer {
  readonly #url: string;
  readonly #scope: string;
  #position: string | undefined;

  constructor(
    private readonly client: Client,
    { kind, id }: ConsumerName,
    scope: string | undefined,
  ) {
    this.#scope = scope === undefined || scope === '-' ? '' : scope.replace(/^\/+|\/+$/g, '');
    this.#url = `/api/v1/vault/consumers/${kind}/${encodeURIComponent(id)}`;
  }

  /** Before the first read: whatever is written from now on is told. @throws Failure for secrets that there are not */
  async register(secrets: readonly NamedSecret[]): Promise<void> {
    await this.client.put(`${this.#url}?${this.#query()}`, { references: secrets.map(({ name }) => name) });
    this.#position = (await this.#changes()).position;
  }

  async reportMounted(opened: readonly OpenedSecret[]): Promise<void> {
    const secrets = opened.map(({ name, version }) => ({ name, version }));
    await this.client.post(`${this.#url}/mounted?${this.#query()}`, { secrets });
  }

  /** Paths of secrets that got a new version, once there are any; empty after some time without. */
  async changed(): Promise<readonly string[]> {
    const { changes, position } = await this.#changes(this.#position);
    this.#position = position;
    return changes.map(({ path }) => path);
  }

  #changes(after?: string): Promise<Changes> {
    return this.client.get<Changes>(`${this.#url}/changes`, { scope: this.#scope, after, wait: waitSeconds });
  }

  #query(): string {
    return `scope=${encodeURIComponent(this.#scope)}`;
  }
}
