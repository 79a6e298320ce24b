import { type Position, startPosition } from '@gatehouse/contracts';
import {
  commit,
  Doorbell,
  Exclusive,
  type Held,
  highRate,
  notifyChannel,
  readLog,
  type Wake,
} from '@gatehouse/event-store';
import type pg from 'pg';
import { applyOrPark } from './parking.js';
import { loadPosition, savePosition } from './positions.js';
import { type Projection, toProjected } from './projection.js';
import { rebuild } from './rebuild.js';

export interface ProjectionRunnerOptions {
  readonly service: string;
  /** A login of the service's system role. */
  readonly url: string;
  readonly password?: string;
  readonly wake: Wake;
  readonly projection: Projection;
  readonly batch?: number;
  readonly onError?: (error: Error) => void;
  readonly onParked?: (count: number) => void;
}

const idleLookMs = 1_000;
const heldLookMs = 5;
/** A rebuild compares and copies whole tables in one statement each. */
const queryTimeoutMs = 600_000;

/**
 * Keeps one read model of the service's own log. One runner is active per projection, whatever the number of replicas;
 * rows and position commit together. It also carries out rebuilds that were asked for, since only it may write.
 */
export class ProjectionRunner {
  readonly #options: ProjectionRunnerOptions & { readonly batch: number };
  readonly #exclusive: Exclusive;
  readonly #bell = new Doorbell();
  readonly #unlisten: (() => void)[];
  /** `failedAt`: Unix time in milliseconds of the last failure, 0 after a success. A replica that waits keeps its last. */
  readonly state = { applied: 0, parked: 0, position: startPosition as Position, caughtUpAt: 0, failedAt: 0 };

  constructor(options: ProjectionRunnerOptions) {
    this.#options = { batch: 1_000, ...options };
    this.#exclusive = new Exclusive({
      url: options.url,
      name: `projection:${options.service}:${options.projection.name}`,
      ...(options.password !== undefined && { password: options.password }),
      queryTimeoutMs,
      onError: (error) => this.#fail(error),
    });
    const channel = notifyChannel(options.service);
    this.#unlisten = [
      options.wake.listen((on, payload) => on === channel && payload !== highRate && this.#bell.ring()),
      options.wake.onReconnect(() => this.#bell.ring()),
    ];
  }

  get name(): string {
    return this.#options.projection.name;
  }

  /** True in the one process that keeps this read model now. */
  get active(): boolean {
    return this.#exclusive.holding;
  }

  start(): this {
    this.#exclusive.start((held) => this.#run(held));
    return this;
  }

  async stop(): Promise<void> {
    for (const end of this.#unlisten) end();
    await this.#exclusive.stop();
  }

  async #run({ client, signal }: Held): Promise<void> {
    await register(client, this.#options.projection);
    while (!signal.aborted) {
      if (await isRebuildAsked(client, this.#options.projection)) await this.#rebuild(client);
      const more = this.#options.projection.inline ? 'idle' : await this.#step(client);
      this.state.failedAt = 0;
      if (more !== 'more') await this.#bell.wait(more === 'held' ? heldLookMs : idleLookMs, signal);
    }
  }

  async #rebuild(client: pg.Client): Promise<void> {
    const report = await rebuild(client, this.#options.service, this.#options.projection);
    await client.query(
      'update projection_positions set rebuild_requested = false, version = $2, rebuild = $3 where name = $1',
      [this.#options.projection.name, this.#options.projection.version, JSON.stringify(report)],
    );
  }

  async #step(client: pg.Client): Promise<'more' | 'held' | 'idle'> {
    const { projection, service, batch } = this.#options;
    await client.query('begin');
    try {
      const position = await loadPosition(client, projection.name);
      const page = await readLog(client, position, { limit: batch, types: projection.types });
      const events = page.events.map((event) => toProjected(service, event));
      const parked = events.length === 0 ? 0 : await applyOrPark(client, projection.name, projection.apply, events);
      if (page.position !== position) await savePosition(client, projection.name, page.position);
      await commit(client); // COMMIT POINT of rows and position together
      this.state.applied += events.length;
      this.state.position = page.position;
      if (parked > 0) this.#parked(parked);
      if (events.length < batch) this.state.caughtUpAt = Date.now();
      return events.length === batch ? 'more' : page.held ? 'held' : 'idle';
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  }

  #parked(count: number): void {
    this.state.parked += count;
    this.#options.onParked?.(count);
  }

  #fail(error: Error): void {
    this.state.failedAt = Date.now();
    this.#options.onError?.(error);
  }
}

type Client = Pick<pg.ClientBase, 'query'>;

/** A new projection, or one of another version, starts with a rebuild: the log may be older than it. */
const register = (client: Client, projection: Projection) =>
  client.query(
    `insert into projection_positions (name, version, rebuild_requested) values ($1, $2, true)
     on conflict (name) do update set rebuild_requested = projection_positions.rebuild_requested
       or projection_positions.version <> excluded.version`,
    [projection.name, projection.version],
  );

async function isRebuildAsked(client: Client, projection: Projection): Promise<boolean> {
  const { rows } = await client.query<{ rebuild_requested: boolean }>({
    name: 'rebuild-asked',
    text: 'select rebuild_requested from projection_positions where name = $1',
    values: [projection.name],
  });
  return rows[0]?.rebuild_requested ?? false;
}
