import {
  type Entity,
  type EntityDescribed,
  type Envelope,
  formatPosition,
  type RelationshipMade,
} from '@gatehouse/contracts';
import type { PostgresEventStore } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import { commandContext, commandIdOf, expectedRevisionOf, type Platform } from '@gatehouse/service';
import type { Facts } from '../facts/facts.js';
import { deviceType } from '../facts/import-devices.js';
import type { ActivePolicies } from '../version/active-policies.js';
import { type ChangedFacts, changeFacts, type FactCommand } from './change-facts/change-facts.js';
import { Describing } from './describing.service.js';
import { entityDecider, entityStream } from './entity.js';
import { FactReader } from './fact-input.js';
import { forgetEntity } from './forget-entity/forget-entity.js';
import {
  endRelationship,
  makeRelationship,
  relationshipDecider,
  relationshipStream,
} from './relationship/relationship.js';

export const FACT_WRITING = Symbol('policy.fact-writing');

/** What may be asked: data for whoever writes facts. */
export type FactChangeRequest =
  | { readonly change: 'describe'; readonly facts: EntityDescribed; readonly path: string }
  | { readonly change: 'forget'; readonly entity: Entity }
  | { readonly change: 'relate' | 'unrelate'; readonly relationship: RelationshipMade };

export interface FactWritingOptions {
  readonly platform: Platform;
  readonly store: PostgresEventStore;
  readonly facts: Facts;
  readonly policies: Pick<ActivePolicies, 'of'>;
}

export interface WriteRequest {
  readonly request: HttpRequest;
  readonly caller: Principal;
  /** Tells commands with the same `Idempotency-Key` apart. */
  readonly operation: string;
  readonly changes: readonly FactChangeRequest[];
}

/** Longest wait for this replica to have read what it has just written; other replicas follow on their own. */
const ownWriteWaitMs = 1_000;

/** Writes entities and relationships for a caller who may: all of one request or nothing. */
export class FactWriting {
  readonly #options: FactWritingOptions;
  readonly #describing: Describing;

  constructor(options: FactWritingOptions) {
    this.#options = options;
    this.#describing = new Describing(options);
  }

  reader(): FactReader {
    return new FactReader(this.#options.platform.pepper);
  }

  /** @throws ProblemError `forbidden`, `validation_failed`, `idempotency_key_reused`; RevisionConflict; StoreUnavailable */
  async write({ request, caller, operation, changes }: WriteRequest): Promise<ChangedFacts> {
    const { store, facts } = this.#options;
    refuseDevices(changes);
    const commands = await this.#commands(caller, changes);
    const expectedRevision = changes.length === 1 ? expectedRevisionOf(request) : undefined;
    const changed = await changeFacts(store, {
      commands,
      context: commandContext(request, caller, Date.now()),
      commandId: commandIdOf(request, caller, operation),
      expectedRevision,
    });
    const streams = new Set(commands.map(({ streamId }) => streamId));
    if (changed.duplicate && !changed.events.every(({ streamId }) => streams.has(streamId)))
      throw new ProblemError('idempotency_key_reused');
    if (changed.position) await facts.waitFor(changed.position, ownWriteWaitMs);
    return changed;
  }

  async #commands(caller: Principal, changes: readonly FactChangeRequest[]): Promise<readonly FactCommand[]> {
    const placed = changes.filter((each) => each.change === 'describe');
    const describing = placed.length > 0 ? await this.#describing.commandsFor(caller, placed) : [];
    let described = 0;
    return changes.map((each) => {
      const command = each.change === 'describe' ? describing[described++] : commandOf(each);
      if (!command) throw new Error('a description without its command');
      return command;
    });
  }
}

/** The registry alone says what a device is: its owner would follow from a description, and rules go by its labels. */
function refuseDevices(changes: readonly FactChangeRequest[]): void {
  for (const each of changes) {
    const entity = each.change === 'describe' ? each.facts.entity : each.change === 'forget' ? each.entity : undefined;
    if (entity?.type === deviceType)
      throw new ProblemError('forbidden', 'Devices are described by the registry: change them there');
  }
}

function commandOf(request: Exclude<FactChangeRequest, { change: 'describe' }>): FactCommand {
  if (request.change === 'forget') {
    const { entity } = request;
    return { streamId: entityStream(entity), decide: (last) => forgetEntity(entity)(stateOf(entityDecider, last)) };
  }
  const { change, relationship } = request;
  const decide = (change === 'relate' ? makeRelationship : endRelationship)(relationship);
  return {
    streamId: relationshipStream(relationship),
    decide: (last) => decide(stateOf(relationshipDecider, last)),
  };
}

const stateOf = <S>(
  decider: { initialState: S; evolve(state: S, event: Envelope): S },
  last: Envelope | undefined,
): S => (last ? decider.evolve(decider.initialState, last) : decider.initialState);

/** Where a write stands in the log, for the answer. */
export const positionView = ({ position }: ChangedFacts) => (position ? { position: formatPosition(position) } : {});
