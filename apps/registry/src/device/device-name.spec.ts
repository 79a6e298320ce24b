import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { freeName, isDeviceName, nameFor } from './device-name.js';

describe('names of devices', () => {
  it.each([
    ['edge-1', true],
    ['a', true],
    ['Edge_1.b', true],
    ['', false],
    ['-a', false],
    ['a b', false],
    ['registrations', false],
    ['Sessions', false],
    ['self', false],
    ['6f8c1f5e-0000-7000-8000-000000000000', false],
    ['x'.repeat(64), false],
  ])('%p: %p', (name, is) => expect(isDeviceName(name)).toBe(is));

  it('follow from any host name', () => {
    expect(nameFor('edge-1.example.org')).toBe('edge-1');
    expect(nameFor('_über edge')).toBe('ber-edge');
    expect(nameFor('self')).toBe('device');
    fc.assert(fc.property(fc.string({ maxLength: 253, unit: 'binary' }), (host) => isDeviceName(nameFor(host))));
  });

  it('get a number where they are taken, and stay names', () => {
    expect(freeName('A', new Set(['a', 'a-2']))).toBe('A-3');
    const long = 'x'.repeat(63);
    const free = freeName(long, new Set([long]));
    expect([free.length, isDeviceName(free)]).toEqual([63, true]);
  });
});
