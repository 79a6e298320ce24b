import { describe, expect, it } from '@jest/globals';
import { dayMs, judge } from './letter.js';
import { connectionOf } from './smtp-transport.service.js';

describe('a letter that could not be sent', () => {
  it('is tried again with growing pauses, for a day', () => {
    const at = (tries: number, now = 0) => judge({ code: 'ECONNECTION' }, tries, 0, now);
    expect([0, 1, 2, 30].map((tries) => at(tries))).toMatchObject([
      { kind: 'retry', atMs: 10_000 },
      { kind: 'retry', atMs: 20_000 },
      { kind: 'retry', atMs: 40_000 },
      { kind: 'retry', atMs: 3_600_000 },
    ]);
    expect(at(30, dayMs)).toMatchObject({ kind: 'park' });
  });

  it('is parked at once when the server refuses this one letter, not when it refuses us', () => {
    expect(judge({ code: 'EENVELOPE', responseCode: 550 }, 0, 0, 0)).toEqual({
      kind: 'park',
      problem: 'EENVELOPE 550',
    });
    expect(judge({ code: 'EENVELOPE', responseCode: 450 }, 0, 0, 0).kind).toBe('retry');
    expect(judge({ code: 'EAUTH', responseCode: 535 }, 0, 0, 0).kind).toBe('retry');
  });
});

describe('the way to a server', () => {
  it.each([
    ['smtp://mail.example.org', { host: 'mail.example.org', port: 587, secure: false, requireTLS: true }],
    ['smtps://mail.example.org', { port: 465, secure: true }],
    ['smtp://localhost:2525', { host: 'localhost', port: 2525, requireTLS: false }],
    ['smtp://127.0.0.1', { requireTLS: false }],
    ['smtp://[::1]:25', { host: '::1', port: 25, requireTLS: false }],
    ['smtp://127.example.org', { requireTLS: true }],
    ['smtp://me:s%40crt@mail.example.org', { auth: { user: 'me', pass: 's@crt' } }],
  ])('%s', (url, options) => {
    expect(connectionOf({ url })).toMatchObject(options);
  });
});
