import type { CommandContext, NewEvent } from './store.js';

export const contextOf = (tenantId: string): CommandContext => ({
  tenantId,
  actor: { type: 'user', id: 'u1' },
  now: Date.UTC(2026, 10, 22),
  correlationId: '4bf92f3577b34da6a3ce929d0e0e4736',
});
export const context = contextOf('acme');
export const added = (name: string): NewEvent => ({ type: 'cart.item.added', version: 1, data: { name } });
export const counter = { initialState: 0, evolve: (count: number) => count + 1 };

let streams = 0;
export const newStream = () => `cart:${Date.now().toString(36)}-${streams++}`;
