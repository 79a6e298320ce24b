import type { Area } from '../area.js';
import { groupMembersProjection } from '../group/group-members.projection.js';
import { Groups1700000000002 } from '../migrations/2-groups.js';

/** What else a decision reads: groups, and what is known of subjects and resources. */
export const entityArea: Area = {
  migrations: [Groups1700000000002],
  inline: [groupMembersProjection],
};
