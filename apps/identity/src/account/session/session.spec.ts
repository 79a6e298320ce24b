import { randomBytes } from 'node:crypto';
import type { Envelope } from '@gatehouse/contracts';
import { fold } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import { graceMs, isRefreshToken, judgeRefresh, newRefreshToken, newSalt, successorOf } from './refresh-token.js';
import { endSession, sessionDecider, startSession } from './session.js';

const sessionId = '0190a1b2-0000-7000-8000-000000000001';
const userId = '0190a1b2-0000-7000-8000-000000000002';
const data = { sessionId, userId, methods: ['pwd'] };
const given = (...events: readonly { type: string; data: object }[]) =>
  fold(sessionDecider, events as unknown as readonly Envelope[]);

describe('a session', () => {
  it('starts once and ends once', () => {
    const open = given({ type: 'session.started', data });
    expect(startSession(data, given())).toEqual([{ type: 'session.started', version: 1, data }]);
    expect(startSession(data, open)).toEqual([]);
    const ended = { sessionId, userId, reason: 'reuse' };
    expect(endSession('reuse', open)).toEqual([{ type: 'session.ended', version: 1, data: ended }]);
    expect(
      endSession('reuse', given({ type: 'session.started', data }, { type: 'session.ended', data: ended })),
    ).toEqual([]);
    expect(endSession('reuse', given())).toEqual([]);
  });
});

describe('a refresh token', () => {
  const pepper = randomBytes(32);

  it('has one successor, which depends on pepper and salt', () => {
    const token = newRefreshToken();
    const salt = newSalt();
    const next = successorOf(pepper, token, salt);
    expect([token, next].map(isRefreshToken)).toEqual([true, true]);
    expect(successorOf(pepper, token, salt)).toBe(next);
    const others = [
      successorOf(randomBytes(32), token, salt),
      successorOf(pepper, token, newSalt()),
      successorOf(pepper, newRefreshToken(), salt),
    ];
    expect(new Set([next, ...others]).size).toBe(4);
  });

  it.each([
    [undefined, false, 'rotate'],
    [0, false, 'repeat'],
    [graceMs - 1, false, 'repeat'],
    [graceMs, false, 'reuse'],
    [0, true, 'reuse'],
  ] as const)('used %s ms ago, its successor used: %s -> %s', (ago, successorUsed, verdict) => {
    const now = 1_000_000;
    const used = ago === undefined ? {} : { usedAt: new Date(now - ago) };
    expect(judgeRefresh({ ...used, successorUsed }, now)).toBe(verdict);
  });
});
