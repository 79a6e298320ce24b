import { startPosition } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import { eventStoreContract } from '../event-store.contract.js';
import { contextOf, itemAdded } from '../postgres/event-database.fixture.js';
import { MemoryEventStore } from './memory-event-store.js';

const store = new MemoryEventStore();
eventStoreContract('MemoryEventStore', () => store);

describe('MemoryEventStore.readAfter', () => {
  it('pages through the whole log in the order of the appends', async () => {
    const log = new MemoryEventStore();
    const context = contextOf();
    await log.append('cart:a', [itemAdded('1'), itemAdded('2')], { expectedRevision: 0, context });
    const { position } = await log.append('cart:b', [itemAdded('3')], { expectedRevision: 0, context });
    const first = await log.readAfter(startPosition, 2);
    const second = await log.readAfter(first.at(-1)?.position ?? startPosition, 2);
    expect([...first, ...second].map((row) => row.envelope.data.name)).toEqual(['1', '2', '3']);
    expect(second[0]?.position).toEqual(position);
    expect(await log.readAfter(position, 2)).toEqual([]);
  });
});
