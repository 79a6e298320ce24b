import type { EntityDescribed } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import { entityDecider, entityStream } from '../entity.js';
import { forgetEntity } from '../forget-entity/forget-entity.js';
import { describeEntity } from './describe-entity.js';

const entity = { type: 'secret', id: 'prod/DATABASE_URL' };
const facts: EntityDescribed = {
  entity,
  labels: { tier: 'gold' },
  properties: { size: 3, place: { floor: 2 } },
  parents: [{ type: 'project', id: 'shop' }],
};
const described = { status: 'described', facts } as const;

describe('describe entity', () => {
  it.each([
    ['unknown', { status: 'unknown' } as const],
    ['forgotten', { status: 'forgotten' } as const],
    ['described otherwise', { ...described, facts: { ...facts, labels: {} } }],
  ])('given one that is %s, describes it', (_name, state) => {
    expect(describeEntity(facts)(state)).toEqual([{ type: 'entity.described', version: 1, data: facts }]);
  });

  it('given the same description, in whatever order, changes nothing', () => {
    const turned = { ...facts, properties: { place: { floor: 2 }, size: 3 } };
    expect(describeEntity(turned)(described)).toEqual([]);
  });
});

describe('forget entity', () => {
  it('given a description, forgets it once', () => {
    expect(forgetEntity(entity)(described)).toEqual([{ type: 'entity.forgotten', version: 1, data: { entity } }]);
    expect(forgetEntity(entity)({ status: 'forgotten' })).toEqual([]);
    expect(forgetEntity(entity)({ status: 'unknown' })).toEqual([]);
  });
});

describe('an entity', () => {
  it('has a stream of its own, whatever its names hold', () => {
    const names = [entity, { type: 'secret/prod', id: 'DATABASE_URL' }, { type: 'secret', id: 'prod DATABASE_URL' }];
    expect(new Set(names.map(entityStream)).size).toBe(3);
    expect(entityStream({ ...entity })).toMatch(/^entity:[A-Za-z0-9_-]{22}$/);
  });

  it('is what its last event says', () => {
    const event = (type: string, data: object) => ({ type, data }) as never;
    const once = entityDecider.evolve({ status: 'unknown' }, event('entity.described', facts));
    expect(once).toEqual(described);
    expect(entityDecider.evolve(once, event('entity.forgotten', { entity }))).toEqual({ status: 'forgotten' });
    expect(entityDecider.evolve(once, event('something.else', {}))).toBe(once);
  });
});
