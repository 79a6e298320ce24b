import { type EventStore, handle } from '@gatehouse/event-store';
import { describeEntity } from '../entity/describe-entity/describe-entity.js';
import { entityDecider, entityStream } from '../entity/entity.js';
import { forgetEntity } from '../entity/forget-entity/forget-entity.js';
import {
  endRelationship,
  makeRelationship,
  relationshipDecider,
  relationshipStream,
} from '../entity/relationship/relationship.js';
import { grantDecider, grantIdOf, grantStream } from '../grant/grant.js';
import { grantRole } from '../grant/grant-role/grant-role.js';
import { revokeRole } from '../grant/revoke-role/revoke-role.js';
import { groupMemberDecider, joinGroup, leaveGroup, membershipStream } from '../group/group.js';
import { contextOf } from './policy-database.fixture.js';

const users = ['ann', 'bob', 'cid', 'dan'];
const projects = ['shop', 'web', 'api'];
const tenants = ['acme', 'other'];
const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)] as T;

/** Numbers that look random and are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One change of one of two tenants, of any kind; some change nothing. */
export function changeSomething(log: EventStore, random: () => number) {
  const context = contextOf(pick(tenants, random));
  const user = { type: 'user', id: pick(users, random) };
  const project = { type: 'project', id: pick(projects, random) };
  const isOn = random() < 0.6;
  const kind = Math.floor(random() * 4);
  if (kind === 0) {
    const terms = {
      subject: random() < 0.8 ? user : { type: pick(['team', 'org'], random), id: pick(tenants, random) },
      role: pick(['owner', 'developer', 'viewer'], random),
      scope: random() < 0.5 ? '*' : `project/${project.id}`,
    };
    const decide = isOn ? grantRole(terms) : revokeRole();
    return handle(log, grantDecider, { streamId: grantStream(grantIdOf(terms)), context, decide });
  }
  if (kind === 1) {
    const membership = { group: { type: 'team', id: pick(tenants, random) }, member: user };
    const decide = (isOn ? joinGroup : leaveGroup)(membership);
    return handle(log, groupMemberDecider, { streamId: membershipStream(membership), context, decide });
  }
  if (kind === 2) {
    const entity = { type: 'ticket', id: pick(users, random) };
    const facts = {
      entity,
      labels: { tier: pick(['gold', 'lead'], random) },
      properties: { size: Math.floor(random() * 9) },
      parents: random() < 0.5 ? [project] : [],
      ...(random() < 0.5 && { owner: user }),
    };
    const decide = isOn ? describeEntity(facts) : forgetEntity(entity);
    return handle(log, entityDecider, { streamId: entityStream(entity), context, decide });
  }
  const relationship = { subject: user, relation: 'assignee', resource: { type: 'ticket', id: pick(users, random) } };
  const decide = (isOn ? makeRelationship : endRelationship)(relationship);
  return handle(log, relationshipDecider, { streamId: relationshipStream(relationship), context, decide });
}
