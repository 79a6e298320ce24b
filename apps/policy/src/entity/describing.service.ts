import type { Entity, EntityDescribed, Envelope } from '@gatehouse/contracts';
import { formatResource, isWithinCeiling, type TenantFacts } from '@gatehouse/evaluator';
import type { NewEvent } from '@gatehouse/event-store';
import { type FieldError, type Principal, ProblemError } from '@gatehouse/http';
import { type Platform, readAsTenant } from '@gatehouse/service';
import { recordable } from '../decision/identifiers.js';
import type { Facts } from '../facts/facts.js';
import type { ActivePolicies } from '../version/active-policies.js';
import type { FactCommand } from './change-facts/change-facts.js';
import { describeEntity } from './describe-entity/describe-entity.js';
import { Described, gainsOf } from './described-gains.js';
import { entityDecider, entityStream } from './entity.js';

export interface DescribingOptions {
  readonly platform: Platform;
  readonly facts: Facts;
  readonly policies: Pick<ActivePolicies, 'of'>;
}

/** A description and where it stands in the request. */
export interface PlacedDescription {
  readonly facts: EntityDescribed;
  readonly path: string;
}

const describedEvent = (last: Envelope | undefined) =>
  last ? entityDecider.evolve(entityDecider.initialState, last) : entityDecider.initialState;

/**
 * Descriptions give roles: `owner` to the owner, and what is held on a container to its holders. Nobody gives what he does
 * not hold there himself, whatever action let him describe things.
 */
export class Describing {
  readonly #options: DescribingOptions;

  constructor(options: DescribingOptions) {
    this.#options = options;
  }

  /** @throws ProblemError for containers that contain each other; the commands throw `forbidden` for what is not the caller's to give */
  async commandsFor(caller: Principal, placed: readonly PlacedDescription[]): Promise<readonly FactCommand[]> {
    const { facts, policies, platform } = this.#options;
    const { tenantId } = caller;
    const known = facts.live.tenant(tenantId);
    const described = new Described(
      known,
      placed.map((each) => each.facts),
    );
    refuseCycles(described, placed);
    const roles = await this.#rolesOn(
      tenantId,
      placed.flatMap((each) => each.facts.parents.flatMap((p) => described.upwards(p))),
    );
    const granter = recordable(platform.pepper, { type: caller.type, id: caller.id });
    const { policy } = policies.of(tenantId);
    const mayGive = (role: string, on: Entity, within: TenantFacts) =>
      isWithinCeiling(policy, within, granter, role, on);
    return placed.map(({ facts: description }) => ({
      streamId: entityStream(description.entity),
      decide: (last): readonly NewEvent[] => {
        const state = describedEvent(last);
        const { owner, parents } = gainsOf(state, description);
        const through = parents.flatMap((parent) => described.upwards(parent));
        const given = new Set(through.flatMap((above) => roles.get(formatResource(above)) ?? []));
        const isOwned = through.some((above) => isPerson(described.of(above)?.owner));
        if (owner || isOwned) given.add('owner');
        if (![...given].every((role) => mayGive(role, description.entity, known)))
          throw new ProblemError(
            'forbidden',
            'Its owner or its containers would give a role on it that you do not hold there',
          );
        return describeEntity(description)(state);
      },
    }));
  }

  /** Roles that somebody holds on these scopes. */
  async #rolesOn(tenantId: string, scopes: readonly Entity[]): Promise<ReadonlyMap<string, readonly string[]>> {
    if (scopes.length === 0) return new Map();
    const names = [...new Set(scopes.map(formatResource))];
    const rows: { scope: string; roles: string[] }[] = await readAsTenant(
      this.#options.platform.database.source,
      tenantId,
      (manager) =>
        manager.query(
          `select scope, array_agg(distinct role) as roles from grants
           where tenant_id = $1 and active and scope = any($2) group by scope`,
          [tenantId, names],
        ),
    );
    return new Map(rows.map(({ scope, roles }) => [scope, roles]));
  }
}

/** An organization as owner is the tenant itself and adds nothing. */
const isPerson = (owner: Entity | undefined): boolean => owner !== undefined && owner.type !== 'org';

function refuseCycles(described: Described, placed: readonly PlacedDescription[]): void {
  const errors = placed.flatMap(({ facts, path }): FieldError[] =>
    described.cycleOf(facts) ? [{ path: `${path}.parents`, message: 'one of them lies below the entity itself' }] : [],
  );
  if (errors.length > 0) throw new ProblemError('validation_failed', undefined, { errors });
}
