import type { Connection, Host } from './native.js';
import type { Outlet } from './outlet.js';

export interface Path {
  readonly local: Host;
  readonly peer: Host;
}

/** Paths that were left and are still asked after. */
const maxLeft = 4;
/** Packets to one of them at a time. */
const maxAsked = 4;

const isSame = (one: Host, other: Host): boolean => one.port === other.port && one.host === other.host;
const isSamePath = (one: Path, other: Path): boolean => isSame(one.local, other.local) && isSame(one.peer, other.peer);

/** The path that a connection goes over, and those that it went over before. */
export class Paths {
  #left: Path[] = [];

  constructor(
    private readonly connection: Connection,
    public current: Path,
  ) {}

  leaveFor(path: Path): void {
    this.#left.push(this.current);
    this.#left = this.#left.filter((left) => !isSamePath(left, path)).slice(-maxLeft);
    this.current = path;
  }

  /**
   * Of a path that was left, quiche says when to ask what became of the packets on it, but asks only where it is told to. Unasked, it
   * never finds out which were lost, and what was in them - data, windows - is missing for ever. Asked over the path that is there now.
   */
  askAfterLosses(outlet: Outlet, largest: number): void {
    for (const path of this.#left) {
      for (let count = 0; count < maxAsked; count++) {
        const length = this.#packetFor(path, outlet.room(largest));
        if (length === 0) break;
        outlet.send(length, this.current.peer.host, this.current.peer.port);
      }
    }
  }

  #packetFor(path: Path, room: Buffer): number {
    try {
      return this.connection.sendOnPath(room, path.local, path.peer)?.[0] ?? 0;
    } catch {
      // quiche has forgotten that path.
      this.#left = this.#left.filter((left) => left !== path);
      return 0;
    }
  }
}
