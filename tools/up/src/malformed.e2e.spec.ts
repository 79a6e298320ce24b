import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKey } from '@gatehouse/crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Malformed, type Operation, operationsOf, seededRandom } from './malformed-requests.fixture.js';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

/** Enough to meet every route many times; `MALFORMED_SEED` repeats a run. */
const requests = 10_000;
const seed = Number(process.env.MALFORMED_SEED ?? Date.now() % 1_000_000_007);
const callersAtOnce = 12;

/** Whoever holds the operator's key could really do these, and the others would then meet closed doors only. */
const wouldEndTheTest = /\/(close|leave|transfer|rebuild|erasures|disable|seal|tenant-seal|revoke-self)$/;

const services = ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'];
const secret = generateKey('mas_');
let stack: WholeStack;
let operations: Operation[];

beforeAll(async () => {
  // The rate limits have specs of their own; here they would hide what is behind them.
  stack = await startWholeStack('malformed', { RATE_LIMIT_PER_SECOND: '1000000', RATE_LIMIT_BURST: '1000000' });
  const documents = await Promise.all(services.map((name) => stack.call(`/openapi/${name}.json`)));
  operations = documents.flatMap(({ text }) => operationsOf(JSON.parse(text)));
}, 120_000);
afterAll(() => stack.stop());

describe(`${requests} malformed requests over all routes (seed ${seed})`, () => {
  const pids = () => services.flatMap((name) => stack.pidsOf(`apps/${name}/`));

  it('are all answered, with no 5xx, and none of them repeats a secret', async () => {
    const before = pids();
    const draw = new Malformed(seededRandom(seed), secret);
    const seen = new Map<number, number>();
    const wrong: string[] = [];
    let left = requests;
    const caller = async () => {
      while (left-- > 0) {
        const operation = draw.pick(operations);
        const known = draw.chance(0.5) && !wouldEndTheTest.test(operation.path);
        const path = draw.path(operation);
        const body = draw.body(operation);
        const { status, text } = await stack.call(path, {
          method: operation.method as 'GET',
          headers: draw.headers(known ? `Bearer ${stack.operatorKey}` : draw.authorization()),
          ...(body && { body }),
        });
        seen.set(status, (seen.get(status) ?? 0) + 1);
        const shown = text.includes(secret) || text.includes(stack.operatorKey);
        if (status >= 500 || shown)
          wrong.push(`${operation.method} ${path.slice(0, 120)}: ${status} ${text.slice(0, 300)}`);
      }
    };
    await Promise.all(Array.from({ length: callersAtOnce }, caller));
    expect(wrong.slice(0, 20)).toEqual([]);
    // The requests were what they should be: many refused for their form, some for who asked, a few good by chance.
    expect(seen.get(400) ?? 0).toBeGreaterThan(requests / 10);
    expect(seen.get(401) ?? 0).toBeGreaterThan(requests / 20);
    expect(pids()).toEqual(before);
  }, 240_000);

  it('left no secret in any log', () => {
    const folder = join(stack.data, 'logs');
    for (const name of readdirSync(folder)) {
      const text = readFileSync(join(folder, name), 'utf8');
      expect([name, text.includes(secret), text.includes(stack.operatorKey)]).toEqual([name, false, false]);
    }
  });

  it('left every service ready', async () => {
    expect(
      (await stack.call('/api/v1/identity/me', { headers: { authorization: `Bearer ${stack.operatorKey}` } })).status,
    ).toBe(200);
    expect((await stack.call('/readyz')).status).toBe(200);
  });
});
