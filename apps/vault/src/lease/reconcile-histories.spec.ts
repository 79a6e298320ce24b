import type { Envelope } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { fold } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isOpen, type Lease, type LeaseTerms, leaseDecider } from './lease.js';
import {
  concludeRenewal,
  concludeRevoked,
  decideOn,
  issueLease,
  requestLease,
  startRenewal,
  startRevocation,
} from './lease-commands.js';
import type { Marker } from './marker.js';
import { type Judged, reconcile } from './reconcile.js';

/*
 * A vault with its log, a target with its roles, and everything that can come between them: calls that are broken off
 * after any step, statements that reach the target after their sender died, backups of the log that are put back. After
 * each history the reconciler runs until nothing is left to do, and then for a whole life of a lease.
 */

const graceMs = 10;
const ttl = 100;
const maxTtl = 300;

interface Role {
  validUntil: number;
  marker: Marker;
}

/** A statement of a process that was killed: it may still be executed. */
type Late = () => void;

/** How far a call comes before its process is killed, and what else happens to it. */
interface Fate {
  readonly steps: number;
  /** Whether the statement that was on its way gets through later. */
  readonly arrives: boolean;
  /** Before which step a backup of the log is taken. */
  readonly backUpAt: number;
}

type Log = Map<string, Envelope[]>;

class World {
  now = 1_000;
  log: Log = new Map();
  roles = new Map<string, Role>();
  backups: Log[] = [];
  late: Late[] = [];
  /** The leases that somebody asked to end, whatever became of the log since. */
  readonly revokedBySomebody = new Set<string>();
  /**
   * The end that each lease's holder may count on: that of the password that went out, or of a renewal that was
   * concluded. A renewal whose process died was answered by nobody, so its statement, arriving late, promises nothing.
   */
  readonly promised = new Map<string, number>();
  readonly wrong: string[] = [];
  #next = 0;

  lease = (id: string): Lease => fold(leaseDecider, this.log.get(id) ?? []);
  revision = (id: string): number => this.log.get(id)?.length ?? 0;
  ids = (): string[] => [...this.log.keys()];

  append(id: string, events: readonly NewEvent[]): void {
    const stream = this.log.get(id) ?? [];
    for (const event of events)
      stream.push({ ...event, occurredAt: new Date(this.now).toISOString() } as unknown as Envelope);
    this.log.set(id, stream);
  }

  drop(username: string, why: string): void {
    const role = this.roles.get(username);
    if (!role) return;
    const { leaseId } = role.marker;
    const early = (this.promised.get(leaseId) ?? this.now) - this.now;
    if (early > 0 && !this.revokedBySomebody.has(leaseId)) this.wrong.push(`${leaseId} dropped ${early} early: ${why}`);
    this.roles.delete(username);
  }

  create(fate: Fate): void {
    const leaseId = `lease${this.#next++}`;
    const username = `role_${leaseId}`;
    const terms: LeaseTerms = { leaseId, database: 'main', role: 'app', username, maxUntil: this.now + maxTtl };
    const validUntil = this.now + ttl;
    const marker = { leaseId, database: 'main', role: 'app', maxUntil: terms.maxUntil };
    const make = () => void this.roles.set(username, { validUntil, marker });
    this.#run(fate, [
      () => this.append(leaseId, requestLease(terms, validUntil)({ status: 'none' })),
      { target: make },
      () => this.append(leaseId, issueLease(leaseId)(this.lease(leaseId))),
      () => void this.promised.set(leaseId, validUntil),
    ]);
  }

  renew(id: string, fate: Fate): void {
    const lease = this.lease(id);
    if (lease.status !== 'active' || lease.validUntil <= this.now) return;
    const { username, maxUntil } = lease.terms;
    const until = Math.min(this.now + ttl, maxUntil);
    if (until <= lease.validUntil) return;
    const from = lease.validUntil;
    // What the target is asked: this term in place of that one.
    const alter = () => {
      const role = this.roles.get(username);
      if (role?.validUntil === from) role.validUntil = until;
    };
    this.#run(fate, [
      () => this.append(id, startRenewal(id, until, this.now)(this.lease(id))),
      { target: alter },
      () => {
        if (this.roles.get(username)?.validUntil !== until) return;
        this.append(id, concludeRenewal(id, until)(this.lease(id)));
        this.promised.set(id, until);
      },
    ]);
  }

  revoke(id: string, fate: Fate): void {
    const lease = this.lease(id);
    if (!isOpen(lease) || lease.status === 'none') return;
    const { username } = lease.terms;
    if (fate.steps > 0) this.revokedBySomebody.add(id);
    this.#run(fate, [
      () => this.append(id, startRevocation(id, 'requested')(this.lease(id))),
      { target: () => this.drop(username, 'asked for') },
      () => this.append(id, concludeRevoked(id, 'dropped')(this.lease(id))),
    ]);
  }

  #run({ steps, arrives, backUpAt }: Fate, all: readonly ((() => void) | { target: () => void })[]): void {
    for (const [i, step] of all.entries()) {
      if (i === backUpAt) this.backUp();
      if (i >= steps) {
        if (arrives && typeof step === 'object') this.late.push(step.target);
        return;
      }
      if (typeof step === 'function') step();
      else step.target();
    }
  }

  backUp(): void {
    this.backups.push(new Map([...this.log].map(([id, events]) => [id, [...events]])));
  }

  restore(which: number): void {
    const backup = this.backups[which % Math.max(1, this.backups.length)];
    if (backup) this.log = new Map([...backup].map(([id, events]) => [id, [...events]]));
  }

  /** One turn. `diesAfter`: how many verdicts are carried out before the process is killed. */
  turn(diesAfter = Number.POSITIVE_INFINITY): number {
    const leases = this.ids().map((leaseId) => ({
      leaseId,
      revision: this.revision(leaseId),
      lease: this.lease(leaseId),
    }));
    const roles = [...this.roles].map(([username, role]) => ({ username, ...role }));
    const judged = reconcile({ leases, roles, database: 'main', targetNow: this.now, now: this.now, graceMs });
    for (const [i, verdict] of judged.entries()) {
      if (i >= diesAfter) break;
      this.carryOut(verdict);
    }
    return judged.length;
  }

  carryOut(verdict: Judged): void {
    if (verdict.act === 'drop') this.drop(verdict.terms.username, 'reconciled');
    const role = this.roles.get('terms' in verdict ? verdict.terms.username : '');
    if (verdict.act === 'repeat_renewal') {
      if (role?.validUntil !== verdict.from) return;
      role.validUntil = verdict.validUntil;
    }
    if (this.revision(verdict.leaseId) === verdict.revision)
      this.append(verdict.leaseId, decideOn(verdict.leaseId, verdict)(this.lease(verdict.leaseId)));
  }

  settle(): void {
    for (let i = 0; i < 20 && this.turn() > 0; i++);
  }

  /** Whatever is still under way is either executed now or never. */
  quiesce(): void {
    for (const late of this.late.splice(0)) late();
    this.now += graceMs + 1;
    this.settle();
  }

  unknown = (): string[] =>
    [...this.roles.values()].map(({ marker }) => marker.leaseId).filter((id) => !isOpen(this.lease(id)));
}

const fate = fc.record({ steps: fc.nat(4), arrives: fc.boolean(), backUpAt: fc.nat(12) });
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('create' as const), fate }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom('renew' as const, 'revoke' as const),
      which: fc.nat(9),
      fate,
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.nat(ttl) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('turn' as const), diesAfter: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('backUp' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('restore' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('arrive' as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

function apply(world: World, what: Operation): void {
  if (what.op === 'create') world.create(what.fate);
  else if (what.op === 'pass') world.now += what.ms;
  else if (what.op === 'turn') world.turn(what.diesAfter);
  else if (what.op === 'backUp') world.backUp();
  else if (what.op === 'restore') world.restore(what.which);
  else if (what.op === 'arrive') world.late.shift()?.();
  else {
    const ids = world.ids();
    const id = ids[what.which % Math.max(1, ids.length)];
    if (id !== undefined) world[what.op](id, what.fate);
  }
}

describe('leases over random histories, crashes and restored backups', () => {
  it('no live role is unknown, none is dropped before its end but by whoever asked, and all end', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 40 }), (operations) => {
        const world = new World();
        for (const what of operations) apply(world, what);
        world.quiesce();
        expect(world.unknown()).toEqual([]);
        world.now += maxTtl + 1;
        world.settle();
        expect([...world.roles.keys()]).toEqual([]);
        expect(world.ids().filter((id) => isOpen(world.lease(id)))).toEqual([]);
        expect(world.wrong).toEqual([]);
      }),
      { numRuns: 5_000 },
    );
  });
});
