import { afterAll, beforeAll, describe } from '@jest/globals';
import { endToEndCases } from './end-to-end.cases.js';
import { faultCases } from './faults.cases.js';
import { fuzzCases } from './fuzz.cases.js';
import { refusalCases } from './refusals.cases.js';
import { type SharedRelays, startSharedRelays } from './relay-stack.fixture.js';
import { reportCases } from './reports.cases.js';
import { revocationCases } from './revocation.cases.js';
import { sessionCases } from './sessions.cases.js';
import { tunnelCases } from './tunnels.cases.js';

// One stack for all: starting servers and policy takes longer than most of what is asked of them.
let shared: SharedRelays;
beforeAll(async () => {
  shared = await startSharedRelays();
});
afterAll(() => shared?.stack.stop());

const relays = () => shared;
describe('sessions:', () => sessionCases(relays));
describe('tunnels:', () => tunnelCases(relays));
describe('revocation:', () => revocationCases(relays));
describe('end to end:', () => endToEndCases(relays));
describe('refusals:', () => refusalCases(relays));
describe('reports:', () => reportCases(relays));
describe('fuzz:', () => fuzzCases(relays));
describe('faults:', () => faultCases(relays));
