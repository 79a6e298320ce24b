/** Injection token of the addresses under which clients and devices reach relays. */
export const RELAYS = Symbol('registry.relays');
