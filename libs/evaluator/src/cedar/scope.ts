import type { ActionConstraint, EntityUidJson, PrincipalConstraint } from '@cedar-policy/cedar-wasm/nodejs';
import { UnknownExpression } from './expression.js';
import { EntityRef } from './values.js';
import type { World } from './world.js';

/** What the head of a policy says of the principal or the resource. It never fails. */
export interface Constraint {
  readonly holds: ((entity: EntityRef, world: World) => boolean) | undefined;
  /** The only type that can match, if there is one. */
  readonly type: string | undefined;
}

const uid = (json: EntityUidJson): EntityRef => {
  const { type, id } = '__entity' in json ? json.__entity : json;
  return new EntityRef(type, id);
};

function linked(constraint: object): EntityRef {
  if (!('entity' in constraint)) throw new UnknownExpression('policy templates are not supported');
  return uid(constraint.entity as EntityUidJson);
}

/** Principal and resource alike. */
export function entityConstraint(json: PrincipalConstraint): Constraint {
  if (json.op === 'All') return { holds: undefined, type: undefined };
  if (json.op === '==') {
    const { key, type } = linked(json);
    return { holds: (entity) => entity.key === key, type };
  }
  if (json.op === 'in') {
    const { key } = linked(json);
    return { holds: (entity, world) => world.isIn(entity, key), type: undefined };
  }
  const type = json.entity_type;
  if (!json.in) return { holds: (entity) => entity.type === type, type };
  const { key } = linked(json.in);
  return { holds: (entity, world) => entity.type === type && world.isIn(entity, key), type };
}

/** Names of the actions that can match, undefined for all. An action is in no group, so `in` is equality. */
export function actionNames(json: ActionConstraint): readonly string[] | undefined {
  if (json.op === 'All') return undefined;
  const entities = 'entities' in json ? json.entities.map(uid) : [linked(json)];
  return entities.filter(({ type }) => type === 'Action').map(({ id }) => id);
}
