import { describe, expect, it } from '@jest/globals';
import { parseWindow } from './window.js';

const now = Date.parse('2026-11-22T12:00:00Z');
const at = (text: string) => Date.parse(text);

describe('a window of time', () => {
  it.each([
    [{}, {}],
    [{ since: '30s' }, { sinceMs: now - 30_000 }],
    [
      { since: '2w', until: '1h' },
      { sinceMs: now - 14 * 86_400_000, untilMs: now - 3_600_000 },
    ],
    [{ since: '2026-11-20' }, { sinceMs: at('2026-11-20T00:00:00Z') }],
    [{ until: '2026-11-20T10:00:00+02:00' }, { untilMs: at('2026-11-20T08:00:00Z') }],
  ])('%j', (given, expected) => expect(parseWindow(given, now)).toEqual(expected));

  it.each([{ since: 'yesterday' }, { until: '20-11-2026' }, { since: '1h', until: '2h' }, { since: '2026-13-01' }])(
    '%j is refused',
    (given) => expect(() => parseWindow(given, now)).toThrow(),
  );
});
