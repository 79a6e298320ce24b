import type { Area } from '../area.js';
import { groupMembersProjection } from '../group/group-members.projection.js';
import { Groups1700000000002 } from '../migrations/2-groups.js';
import { Entities1700000000120 } from '../migrations/10-entities.js';
import { RecordedAt1700000000121 } from '../migrations/11-recorded-at.js';
import { ChangeFactsController } from './change-facts/change-facts.controller.js';
import { EntityController } from './entity.controller.js';
import { EntityListController } from './entity-list/entity-list.controller.js';
import { EntityRow } from './entity-list/entity-list.entity.js';
import { entityListProjection } from './entity-list/entity-list.projection.js';
import { FACT_WRITING, FactWriting } from './fact-writing.service.js';
import { RelationshipListController } from './relationship-list/relationship-list.controller.js';
import { RelationshipRow } from './relationship-list/relationship-list.entity.js';
import { relationshipListProjection } from './relationship-list/relationship-list.projection.js';

/** What else a decision reads: groups, and what is known of subjects and resources. */
export const entityArea: Area = {
  entities: [EntityRow, RelationshipRow],
  migrations: [Groups1700000000002, Entities1700000000120, RecordedAt1700000000121],
  inline: [groupMembersProjection, entityListProjection, relationshipListProjection],
  compose: ({ platform, store, facts, policies }) => ({
    controllers: [EntityController, EntityListController, RelationshipListController, ChangeFactsController],
    providers: [{ provide: FACT_WRITING, useValue: new FactWriting({ platform, store, facts, policies }) }],
  }),
};
