import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { GrantClaims, GrantScope } from '../grant.js';
import { commandHash } from '../grants.js';
import type { FileRequest, OpenMessage } from '../messages.js';
import { confine, confineFiles, isWithinPaths, normalTarget, renews } from './confine.js';

const grant = (scope: GrantScope, actions: GrantClaims['actions'], over: Partial<GrantClaims> = {}): GrantClaims => ({
  jti: randomUUID(),
  sid: '018f4c1e-0000-7000-8000-000000000001',
  iss: 'gatehouse/registry',
  aud: 'd',
  tenantId: 'acme',
  subject: { type: 'user', id: 'u1' },
  scope,
  actions,
  decisions: ['x'],
  cnf: { x25519: 'A'.repeat(43) },
  iat: 1_000,
  exp: 1_300,
  ...over,
});

describe('the form of a target', () => {
  it.each([
    ['tcp:localhost:80', 'tcp:localhost:80'],
    ['tcp:Example.COM:443', 'tcp:example.com:443'],
    ['udp:10.0.0.1:53', 'udp:10.0.0.1:53'],
    ['tcp:[::1]:22', 'tcp:[::1]:22'],
    ['tcp:[0:0:0:0:0:0:0:1]:22', 'tcp:[::1]:22'],
    ['tcp:[2001:DB8::00a]:22', 'tcp:[2001:db8::a]:22'],
    ['unix:/var/run/docker.sock', 'unix:/var/run/docker.sock'],
    ['unix://var//run/./x', 'unix:/var/run/x'],
    ['serial:/dev/ttyUSB0', 'serial:/dev/ttyUSB0'],
    ['serial:/dev/ttyUSB0:9600', 'serial:/dev/ttyUSB0:9600'],
    ['serial:/dev/serial/by-id/usb-1', 'serial:/dev/serial/by-id/usb-1'],
    ['reverse:8080', 'reverse:8080'],
  ])('%s is %s', (text, normal) => {
    expect(normalTarget(text)).toBe(normal);
    expect(normalTarget(normal)).toBe(normal);
  });

  it.each([
    'tcp:localhost',
    'tcp::80',
    'tcp:localhost:0',
    'tcp:localhost:65536',
    'tcp:localhost:080',
    'tcp:localhost:8_0',
    'tcp:127.1:80',
    'tcp:0177.0.0.1:80',
    'tcp:2130706433:80',
    'tcp:0x7f000001:80',
    'tcp:::1:80',
    'tcp:[fe80::1%eth0]:80',
    'tcp:a b:80',
    'tcp:a\nb:80',
    'tcp:a..b:80',
    'tcp:-a:80',
    'TCP:a:80',
    'tcp:user@host:80',
    'tcp:[localhost]:80',
    'unix:relative',
    'unix:/a/../etc/shadow',
    'unix:/a\0b',
    'serial:/etc/passwd',
    'serial:/dev/../etc/passwd',
    'serial:/dev/',
    'serial:/dev/ttyUSB0:',
    'serial:/dev/ttyUSB0:09600',
    'serial:/dev/ttyUSB0:9600:1',
    'reverse:0',
    'reverse:80:80',
    'ftp:x:1',
    '',
    ':',
    'tcp:',
  ])('%j is none', (text) => expect(normalTarget(text)).toBeUndefined());
});

describe('what may be opened', () => {
  const exec = (command: string | string[]): OpenMessage => ({ kind: 'exec', command, stdin: false });
  const forward = (target: string): OpenMessage => ({ kind: 'forward', target });
  const recording = randomUUID();
  const granted = {
    exec: grant({ kind: 'exec', commandHash: commandHash(['ls', '-l']) }, ['device.exec']),
    forward: grant({ kind: 'forward', targets: ['tcp:LOCALHOST:80', 'unix:/run/x'] }, ['device.forward']),
    recording: grant({ kind: 'recording', sessionId: recording }, ['device.recordings.read']),
    ssh: grant({ kind: 'ssh' }, ['device.files.read']),
    files: grant({ kind: 'files', paths: ['/srv'], write: false }, ['device.files.read']),
  };

  it.each<[string, OpenMessage, GrantClaims, boolean]>([
    ['the command', exec(['ls', '-l']), granted.exec, true],
    ['its words in one', exec('ls -l'), granted.exec, false],
    ['other arguments', exec(['ls', '-l', '/root']), granted.exec, false],
    ['words cut elsewhere', exec(['ls -l']), granted.exec, false],
    ['nothing', exec(['']), granted.exec, false],
    ['a target, however it is written', forward('tcp:LocalHost:80'), granted.forward, true],
    ['another port of it', forward('tcp:localhost:81'), granted.forward, false],
    ['the same over UDP', forward('udp:localhost:80'), granted.forward, false],
    ['a path beside it', forward('unix:/run/x/../y'), granted.forward, false],
    ['what is no target', forward('localhost:80'), granted.forward, false],
    ['the recording', { kind: 'recording', sessionId: recording }, granted.recording, true],
    ['another recording', { kind: 'recording', sessionId: randomUUID() }, granted.recording, false],
    ['ssh with any of its actions', { kind: 'ssh' }, granted.ssh, true],
    ['ssh with none', { kind: 'ssh' }, grant({ kind: 'ssh' }, ['device.logs']), false],
    ['another kind', { kind: 'files' }, granted.exec, false],
    ['a kind without its action', { kind: 'files' }, { ...granted.files, actions: ['device.shell'] }, false],
    ['files', { kind: 'files' }, granted.files, true],
  ])('%s', (_, open, claims, expected) => expect(confine(open, claims) !== undefined).toBe(expected));

  it('in the form that was compared', () => {
    expect(confine(forward('tcp:LocalHost:80'), granted.forward)).toEqual(forward('tcp:localhost:80'));
  });
});

describe('paths', () => {
  it.each([
    ['/srv/data', ['/srv'], true],
    ['/srv', ['/srv'], true],
    ['/srv/', ['/srv'], true],
    ['/srv', ['/srv/'], true],
    ['/srv/./a//b', ['/srv/a'], true],
    ['/anything', ['/'], true],
    ['data/x', ['data'], true],
    ['/home/u/data/x', ['data'], true],
    ['data', ['/home/u'], true],
    ['/srvx', ['/srv'], false],
    ['/', ['/srv'], false],
    ['', ['/srv'], false],
    ['/srv/../etc/shadow', ['/srv'], false],
    ['/srv/a/../../etc', ['/srv'], false],
    ['/srv/..', ['/'], false],
    ['../x', ['/home'], false],
    ['/srv/a\0b', ['/srv'], false],
    ['~/x', ['/root'], false],
    ['/etc', [], false],
  ])('%j below %j: %s', (file, roots, expected) => expect(isWithinPaths(file, roots, '/home/u')).toBe(expected));

  it('never lead out, however they are written', () => {
    const part = fc.constantFrom('..', '.', '', 'srv', 'a', '...', '\0', 'srv/..', '//', '~');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const file = `/${parts.join('/')}`;
        const { pathname } = new URL(`file://${file.replaceAll('\0', '')}`);
        if (isWithinPaths(file, ['/srv'], '/home/u'))
          expect(`${pathname.replace(/\/+/g, '/')}/`.startsWith('/srv/')).toBe(true);
      }),
    );
  });

  const files = (write: boolean, actions: GrantClaims['actions']) =>
    grant({ kind: 'files', paths: ['/srv'], write }, actions);
  const resume = '0'.repeat(32);
  it.each<[string, FileRequest, GrantClaims, boolean]>([
    ['reading', { id: 1, op: 'read', path: '/srv/a', offset: 0 }, files(false, ['device.files.read']), true],
    ['reading elsewhere', { id: 1, op: 'read', path: '/etc/a', offset: 0 }, files(false, ['device.files.read']), false],
    [
      'writing when reading was granted',
      { id: 1, op: 'mkdir', path: '/srv/a', parents: false },
      files(false, ['device.files.read', 'device.files.write']),
      false,
    ],
    [
      'writing without the action',
      { id: 1, op: 'remove', path: '/srv/a', recursive: true },
      files(true, ['device.files.read']),
      false,
    ],
    [
      'writing',
      { id: 1, op: 'write', path: '/srv/a', size: 1, offset: 0, resume },
      files(true, ['device.files.write']),
      true,
    ],
    [
      'reading when writing was granted',
      { id: 1, op: 'read', path: '/srv/a', offset: 0 },
      files(true, ['device.files.write']),
      false,
    ],
    ['moving out', { id: 1, op: 'rename', path: '/srv/a', to: '/etc/a' }, files(true, ['device.files.write']), false],
    ['moving in', { id: 1, op: 'rename', path: '/etc/a', to: '/srv/a' }, files(true, ['device.files.write']), false],
    [
      'under a grant for a shell',
      { id: 1, op: 'stat', path: '/srv', followLinks: true },
      grant({ kind: 'shell' }, ['device.files.read']),
      false,
    ],
  ])('%s', (_, request, claims, expected) => expect(confineFiles(request, claims, '/home/u')).toBe(expected));
});

describe('a renewal', () => {
  const forward = (targets: string[]): GrantScope => ({ kind: 'forward', targets });
  const files = (paths: string[], write: boolean): GrantScope => ({ kind: 'files', paths, write });
  const older = grant(forward(['tcp:a:1', 'tcp:b:2']), ['device.forward']);

  it.each<[string, Partial<GrantClaims>, boolean]>([
    ['the same, for longer', { exp: 1_600 }, true],
    ['less of it', { scope: forward(['tcp:A:1']) }, true],
    ['more of it', { scope: forward(['tcp:a:1', 'tcp:c:3']) }, false],
    ['what is no target', { scope: forward(['nonsense']) }, false],
    ['another kind', { scope: { kind: 'shell' } }, false],
    ['another action', { actions: ['device.forward', 'device.shell'] }, false],
    ['another session', { sid: randomUUID() }, false],
    ['another device', { aud: 'e' }, false],
    ['another tenant', { tenantId: 'b' }, false],
    ['another subject', { subject: { type: 'service', id: 'u1' } }, false],
    ['another client', { cnf: { x25519: 'B'.repeat(43) } }, false],
    ['for less time', { exp: 1_200 }, false],
  ])('%s', (_, over, expected) => expect(renews({ ...older, ...over }, older)).toBe(expected));

  it.each<[GrantScope, GrantScope, boolean]>([
    [files(['/a'], false), files(['/a', '/b'], true), true],
    [files(['/a'], true), files(['/a'], false), false],
    [files(['/a/b'], false), files(['/a'], false), false],
    [{ kind: 'exec', commandHash: 'a' }, { kind: 'exec', commandHash: 'a' }, true],
    [{ kind: 'exec', commandHash: 'b' }, { kind: 'exec', commandHash: 'a' }, false],
    [{ kind: 'recording', sessionId: 'a' }, { kind: 'recording', sessionId: 'b' }, false],
    [{ kind: 'logs' }, { kind: 'logs' }, true],
    [{ kind: 'logs' }, { kind: 'metrics' }, false],
  ])('%j of %j: %s', (newer, before, expected) => {
    expect(renews(grant(newer, ['device.logs']), grant(before, ['device.logs']))).toBe(expected);
  });
});
