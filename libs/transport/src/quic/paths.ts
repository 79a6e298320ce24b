import type { Connection, Host, PathEvent } from './native.js';
import type { Outlet } from './outlet.js';

export interface Path {
  readonly local: Host;
  readonly peer: Host;
}

/** As many as quiche keeps: one for each id. */
const maxKnown = 16;
/** Packets that ask after one path at a time. */
const maxAsked = 4;
/** An address has proven that it is the peer's by then, or it never will. */
const provenWithinMs = 3_000;
const askAgainMs = 50;
/** Asked less often, nobody can have failed to answer: this process may have stood still. */
const leastAsked = 10;

const isSame = (one: Host, other: Host): boolean => one.port === other.port && one.host === other.host;
const isSamePath = (one: Path, other: Path): boolean => isSame(one.local, other.local) && isSame(one.peer, other.peer);

/** A path that the peer was seen on, and has not answered on. */
interface Unproven {
  readonly path: Path;
  readonly since: number;
  askedAt: number;
  asked: number;
}

export interface PathsOptions {
  readonly connection: Connection;
  readonly first: Path;
  /** The peer goes on from another address. */
  readonly onMoved: (peer: Host) => void;
  /** This connection has no future, for what it says. */
  readonly onLost: (detail: string) => void;
}

/** The paths that a connection has gone over: which it goes over now, whether the peer is there, and what was lost on the others. */
export class Paths {
  readonly #options: PathsOptions;
  #known: Path[];
  #unproven: Unproven | undefined;

  constructor(options: PathsOptions) {
    this.#options = options;
    this.#known = [options.first];
  }

  /** The connection goes on over another path. */
  moved(path: Path): void {
    this.#add(path);
    this.#countMove();
  }

  /** Takes in what became of the paths, and asks for the proof that the peer still owes. */
  follow(): void {
    const { connection, onMoved, onLost } = this.#options;
    for (let event: PathEvent | null = connection.pathEventNext(); event; event = connection.pathEventNext()) {
      this.#onEvent(event);
      if (event.type !== 'PeerMigrated') continue;
      onMoved(event.new);
      this.#countMove();
    }
    if (!this.#prove()) onLost('the address changed, and nobody answers at the new one');
  }

  /**
   * Of a path that was left, quiche says when to ask what became of the packets on it, but asks only where it is told to. Unasked, it
   * never finds out which were lost, and what was in them - data, windows - is missing for ever. Asked over the path that is there now.
   */
  askAfterLosses(outlet: Outlet, largest: number): void {
    if (this.#known.length === 1) return;
    const active = this.#active();
    if (!active) return;
    for (const path of this.#known) {
      if (isSamePath(path, active)) continue;
      for (let count = 0; count < maxAsked; count++) {
        const length = this.#packetFor(path, outlet.room(largest));
        if (length === 0) break;
        outlet.send(length, active.peer.host, active.peer.port);
      }
    }
  }

  #countMove(): void {
    // Each path uses up an id of the peer's, and quiche gives back none while it may.
    const { connection, onLost } = this.#options;
    if (connection.availableDcids() === 0) onLost('the address changed too often for one connection');
  }

  #add(path: Path): void {
    this.#known = [...this.#known.filter((known) => !isSamePath(known, path)), path].slice(-maxKnown);
  }

  #onEvent(event: PathEvent): void {
    if (event.type === 'New' || event.type === 'FailedValidation') {
      const path = { local: event.local, peer: event.peer };
      this.#add(path);
      // Whatever is lost on it takes quiche's question along: a few such losses, and a path that works has failed.
      if (!this.#unproven || !isSamePath(this.#unproven.path, path)) {
        this.#unproven = { path, since: performance.now(), askedAt: 0, asked: 0 };
      }
      if (event.type === 'FailedValidation') this.#ask(this.#unproven);
    } else if (event.type === 'Validated' && this.#unproven && isSamePath(this.#unproven.path, event)) {
      this.#unproven = undefined;
    }
  }

  /**
   * Asks the peer again for the proof that it still owes, as long as there is hope.
   * @returns false: packets go to where nobody has answered for too long
   */
  #prove(): boolean {
    const unproven = this.#unproven;
    if (!unproven) return true;
    const now = performance.now();
    if (now - unproven.since > provenWithinMs && unproven.asked >= leastAsked) {
      this.#unproven = undefined;
      // Somebody who copies packets can make any address appear; the peer is then still heard on the one it had.
      const active = this.#active();
      return active !== undefined && !isSamePath(active, unproven.path);
    }
    if (now - Math.max(unproven.since, unproven.askedAt) > askAgainMs) this.#ask(unproven);
    return true;
  }

  #active(): Path | undefined {
    const stats = this.#options.connection.pathStats().find(({ active }) => active);
    return stats && { local: stats.localHost, peer: stats.peerHost };
  }

  #ask(unproven: Unproven): void {
    unproven.askedAt = performance.now();
    unproven.asked++;
    try {
      this.#options.connection.probePath(unproven.path.local, unproven.path.peer);
    } catch {
      // No id is left to ask with.
    }
  }

  #packetFor(path: Path, room: Buffer): number {
    try {
      return this.#options.connection.sendOnPath(room, path.local, path.peer)?.[0] ?? 0;
    } catch {
      // quiche has forgotten that path.
      this.#known = this.#known.filter((known) => known !== path);
      return 0;
    }
  }
}
