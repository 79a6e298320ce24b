import { describe, expect, it } from '@jest/globals';
import { splitDeviceCall, withDashes } from './split-call.js';

const commands = new Set(['keys', 'devices', 'audit']);
const words = new Set(['shell', 'exec', 'audit', 'status']);
const split = (text: string) => splitDeviceCall(text.split(' ').filter(Boolean), commands, words);

describe('the first word', () => {
  it.each([
    ['edge-1 shell', { device: 'edge-1', argv: ['shell'] }],
    ['--json edge-1 status -s', { device: 'edge-1', argv: ['--json', 'status', '-s'] }],
    ['--url https://x edge-1 audit', { device: 'edge-1', argv: ['--url', 'https://x', 'audit'] }],
    ['--url=https://x edge-1 audit', { device: 'edge-1', argv: ['--url=https://x', 'audit'] }],
    ['edge-1 --json shell', { device: 'edge-1', argv: ['--json', 'shell'] }],
    ['shell shell', { device: 'shell', argv: ['shell'] }],
    ['edge-1 --help', { device: 'edge-1', argv: ['--help'] }],
    ['edge-1 exec -- keys list', { device: 'edge-1', argv: ['exec', '--', 'keys', 'list'] }],
    ['audit status', undefined],
    ['keys list', undefined],
    ['kyes list', undefined],
    ['edge-1', undefined],
    ['--help', undefined],
    ['-- edge-1 shell', undefined],
    ['', undefined],
  ])('"%s"', (text, expected) => expect(split(text)).toEqual(expected));
});

describe('the two dashes', () => {
  it.each([
    ['exec ls -l', 'exec -- ls -l'],
    ['exec -it bash -l', 'exec -it -- bash -l'],
    ['--json exec -i sort --reverse', '--json exec -i -- sort --reverse'],
    ['exec -- ls', 'exec -- ls'],
    ['exec -i -- docker ps', 'exec -i -- docker ps'],
    ['exec --help', 'exec --help'],
    ['docker ps -a', 'docker -- ps -a'],
    ['docker --version', 'docker -- --version'],
    ['docker --help', 'docker --help'],
    ['shell', 'shell'],
    ['forward 8080', 'forward 8080'],
  ])('%s', (given, expected) => expect(withDashes(given.split(' ')).join(' ')).toBe(expected));
});
