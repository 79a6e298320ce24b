import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Checker } from './checker.service.js';

const pepper = randomBytes(32);
let checker: Checker;
afterEach(() => checker.stop());

/** Takes a few hundred milliseconds to read. */
const large = JSON.stringify({
  rules: Array.from({ length: 600 }, (_, i) => ({
    id: `r${i}`,
    type: 'selector',
    effect: 'permit',
    actions: [`a.do${i}`],
    who: { users: [`u${i}`] },
  })),
});

describe('the thread that checks policies', () => {
  it('lets everything else go on', async () => {
    checker = new Checker();
    await checker.run('prepare', { value: {} }, pepper);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    expect(await checker.run('prepare', { text: large }, pepper)).toMatchObject({ ok: true });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('gives up what takes too long, and goes on with the next', async () => {
    checker = new Checker({ timeoutMs: 5 });
    await expect(checker.run('prepare', { text: large }, pepper)).rejects.toMatchObject({ code: 'policy_too_complex' });
    const patient = new Checker();
    await expect(patient.run('tryOut', 'not JSON', undefined, pepper)).rejects.toMatchObject({
      name: 'SyntaxError',
    });
    expect(await patient.run('prepare', { value: {} }, pepper)).toMatchObject({ ok: true, bytes: 2 });
    await patient.stop();
  });

  it('has so many waiting and no more', async () => {
    checker = new Checker({ maxWaiting: 2 });
    const both = [0, 1].map(() => checker.run('prepare', { value: {} }, pepper));
    expect(() => checker.run('prepare', { value: {} }, pepper)).toThrow(expect.objectContaining({ status: 503 }));
    expect(await Promise.all(both)).toHaveLength(2);
    expect(await checker.run('prepare', { value: {} }, pepper)).toMatchObject({ ok: true });
  });
});
