import { handle } from '@gatehouse/event-store';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contextOf, type PolicyDatabase, startPolicyDatabase } from '../../facts/policy-database.fixture.js';
import { describeEntity } from '../describe-entity/describe-entity.js';
import { entityDecider, entityStream } from '../entity.js';
import { forgetEntity } from '../forget-entity/forget-entity.js';
import {
  endRelationship,
  makeRelationship,
  relationshipDecider,
  relationshipStream,
} from '../relationship/relationship.js';

let db: PolicyDatabase;
beforeAll(async () => {
  db = await startPolicyDatabase();
});
afterAll(() => db?.close());

const shop = { type: 'project', id: 'shop' };
const ann = { type: 'user', id: 'ann' };
const longest = { type: '\u20ac'.repeat(64), id: '\u20ac'.repeat(512) };
const related = {
  subject: { type: longest.type, id: '\u20ac'.repeat(256) },
  relation: 'r'.repeat(64),
  resource: longest,
};

const tell = (tenantId: string, entity = shop, labels: Record<string, string> = {}) =>
  handle(db.store, entityDecider, {
    streamId: entityStream(entity),
    context: contextOf(tenantId),
    decide: describeEntity({ entity, labels, properties: { size: 1e300, low: -0.1 }, parents: [ann], owner: ann }),
  });
const rows = async (table: string) => (await db.admin(`select * from policy.${table} order by tenant_id`)).rows;

describe('the read models of entities and relationships', () => {
  it('hold what was said last, of each tenant', async () => {
    await tell('acme');
    await tell('acme', shop, { tier: 'gold' });
    await tell('other');
    expect(await rows('entities')).toMatchObject([
      {
        ...{ tenant_id: 'acme', entity_id: 'shop', labels: { tier: 'gold' }, revision: 2, owner_id: 'ann' },
        properties: { size: 1e300, low: -0.1 },
        parents: [ann],
      },
      { tenant_id: 'other', entity_id: 'shop', labels: {}, revision: 1 },
    ]);
    await handle(db.store, entityDecider, {
      streamId: entityStream(shop),
      context: contextOf('acme'),
      decide: forgetEntity(shop),
    });
    expect(await rows('entities')).toMatchObject([{ tenant_id: 'other' }]);
  });

  it('take the longest names there are', async () => {
    await tell('acme', longest);
    const change = (decide: typeof makeRelationship) =>
      handle(db.store, relationshipDecider, {
        streamId: relationshipStream(related),
        context: contextOf('acme'),
        decide: decide(related),
      });
    await change(makeRelationship);
    expect(await rows('relationships')).toMatchObject([{ tenant_id: 'acme', relation: related.relation, revision: 1 }]);
    await change(endRelationship);
    expect(await rows('relationships')).toEqual([]);
  });

  it('show the request role one tenant only, also where code forgets to ask', async () => {
    await tell('acme');
    const client = await db.request.connect();
    await client.query(`begin; select set_config('gatehouse.tenant', 'other', true)`);
    const seen = await client.query('select tenant_id from entities');
    const made = await client.query(`update entities set labels = '{"tier": "stolen"}'`);
    await client.query('rollback');
    client.release();
    expect([seen.rows, made.rowCount]).toEqual([[{ tenant_id: 'other' }], 1]);
  });
});
