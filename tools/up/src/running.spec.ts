import { describe, expect, it } from '@jest/globals';
import { Backoff } from './backoff.js';
import { keepRunning } from './keep-running.js';
import { LogDigest } from './log-digest.js';
import { RunningParts } from './running-parts.js';

describe('Backoff', () => {
  it('doubles up to half a minute, and starts over after a steady minute', () => {
    const backoff = new Backoff();
    expect([0, 0, 0, 0, 0, 0, 0, 0].map((ran) => backoff.after(ran))).toEqual([
      500, 1e3, 2e3, 4e3, 8e3, 16e3, 3e4, 3e4,
    ]);
    expect(backoff.after(60_000)).toBe(500);
    expect(backoff.after(59_999)).toBe(1_000);
  });
});

describe('keepRunning', () => {
  it('starts again what ended, says so, and stops doing it when released', async () => {
    const notes: string[] = [];
    let end: (reason: string) => void = () => undefined;
    const exited = () =>
      new Promise<string>((resolve) => {
        end = resolve;
      });
    let restarted: () => void = () => undefined;
    const restarts = new Promise<void>((resolve) => {
      restarted = resolve;
    });
    const kept = keepRunning({
      name: 'policy',
      exited,
      restart: async () => restarted(),
      note: (line) => notes.push(line),
    });
    end('exit code 70');
    await restarts;
    expect(notes).toEqual(['policy ended (exit code 70); starting it again in 0.5 s']);
    await kept.release();
    end('signal SIGTERM');
    await Promise.resolve();
    expect(notes).toHaveLength(1);
  });
});

describe('RunningParts', () => {
  const part = (name: string, rank: number, stopped: string[]) => ({
    name,
    rank,
    stop: async () => void stopped.push(name),
    kill: async () => void stopped.push(`kill ${name}`),
  });

  it('stops by rank, whatever fails, and once', async () => {
    const stopped: string[] = [];
    const parts = new RunningParts();
    await parts.add(part('postgres', 3, stopped));
    await parts.add(part('identity', 1, stopped));
    await parts.add({ ...part('policy', 1, stopped), stop: () => Promise.reject(new Error('stuck')) });
    await parts.add(part('gateway', 0, stopped));
    await Promise.all([parts.stop(), parts.stop()]);
    expect(stopped).toEqual(['gateway', 'identity', 'postgres']);
  });

  it('stops at once what a start adds after the stop began', async () => {
    const stopped: string[] = [];
    const parts = new RunningParts();
    await parts.stop();
    await expect(parts.add(part('audit', 1, stopped))).rejects.toThrow('stopped while starting');
    expect(stopped).toEqual(['audit']);
  });
});

describe('LogDigest', () => {
  const line = (level: string, msg: string, err?: object) => Buffer.from(`${JSON.stringify({ level, msg, err })}\n`);

  it('shows warnings and errors, not the rest, and a crash as it is', () => {
    const shown: string[] = [];
    const digest = new LogDigest('audit', (text) => shown.push(text));
    digest.push(line('info', 'listening'));
    digest.push(line('error', 'append failed', { message: 'connection lost' }));
    digest.push(Buffer.from('Error: cannot find module\n\n'));
    expect(shown).toEqual(['audit: error: append failed: connection lost', 'audit: Error: cannot find module']);
  });

  it('joins lines cut by the pipe', () => {
    const shown: string[] = [];
    const digest = new LogDigest('audit', (text) => shown.push(text));
    const whole = line('warn', 'slow');
    digest.push(whole.subarray(0, 10));
    expect(shown).toEqual([]);
    digest.push(whole.subarray(10));
    expect(shown).toEqual(['audit: warn: slow']);
  });

  it('mentions a repeated message twice a minute, with the count', () => {
    const shown: string[] = [];
    let now = 0;
    const digest = new LogDigest(
      'audit',
      (text) => shown.push(text),
      () => now,
    );
    for (const seconds of [0, 1, 2, 29, 31]) {
      now = seconds * 1_000;
      digest.push(line('warn', 'NATS lost'));
    }
    expect(shown).toEqual(['audit: warn: NATS lost', 'audit: warn: NATS lost (3 more since)']);
  });
});
