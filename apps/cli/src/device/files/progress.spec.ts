import { describe, expect, it } from '@jest/globals';
import { formatBytes, Progress, progressLine } from './progress.js';

describe('progress', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [1_234_567, '1.2 MB'],
    [999_999, '1.0 MB'],
    [5e15, '5000.0 TB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('shows share, rate and what is left; what was there before makes it no faster', () => {
    const state = { name: 'video.mp4', done: 5e6, total: 1e7, moved: 2.5e6, elapsedMs: 1_000 };
    expect(progressLine(state)).toBe('video.mp4  [##########          ]  50%  5.0 MB  2.5 MB/s  ETA 0:02');
    expect(progressLine({ ...state, done: 1e7 })).toBe('video.mp4  [####################] 100%  10.0 MB  2.5 MB/s');
    expect(progressLine({ name: 'empty', done: 0, total: 0, moved: 0, elapsedMs: 0 })).toContain('100%');
    expect(progressLine({ ...state, name: 'a\u001b[2J' })).toContain('a\\u001b[2J');
  });

  it('is drawn ten times a second at most, and on a terminal alone', () => {
    const drawn: string[] = [];
    let now = 1_000;
    const progress = new Progress(
      (text) => drawn.push(text),
      () => now,
    );
    progress.begin('a', 100, 0);
    for (let i = 0; i < 50; i++) {
      now += 10;
      progress.moved(1);
    }
    progress.end();
    expect(drawn.length).toBeLessThanOrEqual(7);
    expect(drawn.at(-1)).toMatch(/ 50%.*\n$/s);
  });
});
