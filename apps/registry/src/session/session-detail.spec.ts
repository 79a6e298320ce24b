import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cut, sessionDetail } from './session-detail.js';

const pepper = randomBytes(32);
const exec = { kind: 'exec', commandHash: '0'.repeat(64) } as const;
const detail = (command: string | readonly string[]) => sessionDetail(pepper, exec, command);

describe('what a session is recorded for', () => {
  it('is the command, the paths or the targets', () => {
    expect(detail(['ls', '-l', '/tmp'])).toBe('ls -l /tmp');
    expect(sessionDetail(pepper, { kind: 'files', paths: ['/a', 'b'], write: true }, undefined)).toBe('/a b');
    expect(sessionDetail(pepper, { kind: 'forward', targets: ['tcp:localhost:80'] }, undefined)).toBe(
      'tcp:localhost:80',
    );
    expect(sessionDetail(pepper, { kind: 'shell' }, undefined)).toBeUndefined();
  });

  it('holds no key, token or address, however it is written, and nothing that moves a cursor', () => {
    const key = `mas_${'A'.repeat(54)}`;
    const device = `m87_${'a'.repeat(8)}.${'b'.repeat(40)}`;
    for (const secret of [key, device])
      for (const text of [
        secret,
        `--key=${secret}`,
        `TOKEN='${secret}'`,
        `a;${secret}`,
        `"${secret}"`,
        `a\t${secret}\n`,
      ])
        expect([text, detail(text)?.includes(secret)]).toEqual([text, false]);
    expect(detail('mail ann@example.org now')).toMatch(/^mail p_\S{22}@example\.org now$/);
    expect(detail('a\u001b[2Jb\u202ec')).toBe('a [2Jb c');
  });

  it('has at most 1,024 characters and no half of one', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 900, maxLength: 1_200, unit: 'grapheme' }), (text) => {
        const told = detail(text) ?? '';
        expect(told.length).toBeLessThanOrEqual(1_024);
        expect(Buffer.from(told, 'utf8').toString('utf8')).toBe(told);
      }),
      { numRuns: 50 },
    );
    expect(cut('a😀', 2)).toBe('a');
  });
});
