import { describe, expect, it } from '@jest/globals';
import { browserProgram, isWebAddress, nextPoll } from './device-flow.js';

describe('when a device flow asks again', () => {
  it.each([
    ['nobody answered yet: as before', { error: 'authorization_pending' }, 5, { kind: 'wait', seconds: 5 }],
    ['asked too often: five seconds more, for good', { error: 'slow_down' }, 5, { kind: 'wait', seconds: 10 }],
    ['and again', { error: 'slow_down' }, 10, { kind: 'wait', seconds: 15 }],
    ['no answer at all: twice as long', 'no_answer', 10, { kind: 'wait', seconds: 20 }],
    ['but never more than a minute', 'no_answer', 50, { kind: 'wait', seconds: 60 }],
    ['and never at once', 'no_answer', 0, { kind: 'wait', seconds: 1 }],
    ['tokens', 'tokens', 5, { kind: 'done' }],
    [
      'refused by the person',
      { error: 'access_denied' },
      5,
      { kind: 'over', reason: 'denied', error: 'access_denied' },
    ],
    ['too late', { error: 'expired_token' }, 5, { kind: 'over', reason: 'expired', error: 'expired_token' }],
    ['anything else', { error: 'invalid_grant' }, 5, { kind: 'over', reason: 'refused', error: 'invalid_grant' }],
  ] as const)('%s', (_name, polled, seconds, expected) => expect(nextPoll(polled, seconds)).toEqual(expected));
});

describe('the browser', () => {
  it.each([
    ['a desktop', 'linux', { DISPLAY: ':0' }, 'xdg-open'],
    ['Wayland', 'linux', { WAYLAND_DISPLAY: 'wayland-0' }, 'xdg-open'],
    ['no desktop', 'linux', {}, undefined],
    ['over ssh, even with a display', 'linux', { DISPLAY: ':10', SSH_CONNECTION: '1 2 3 4' }, undefined],
    ['a Mac', 'darwin', {}, 'open'],
    ['a build', 'darwin', { CI: 'true' }, undefined],
  ] as const)('%s', (_name, platform, env, expected) => expect(browserProgram(platform, env)).toBe(expected));

  it.each([
    ['https://gatehouse.example.com/device', true],
    ['file:///etc/passwd', false],
    ['javascript:alert(1)', false],
    ['-e sh', false],
  ])('is shown %s: %s', (text, expected) => expect(isWebAddress(text)).toBe(expected));
});
