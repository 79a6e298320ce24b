import { Readable } from 'node:stream';
import { frameTypes } from '@gatehouse/session';
import { tempDir } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { caller } from '../../world.fixture.js';
import { deviceServing, nothing, text } from '../device.fixture.js';
import { serialTarget } from './serial.js';

const folder = tempDir('cli-serial');
afterAll(() => folder.remove());

describe('a serial port', () => {
  it('is told what comes in a pipe, and that it was all; with the line, the call ends well', async () => {
    const heard: string[] = [];
    const { dial } = deviceServing(({ stream }) => {
      stream.onFrame = (type, payload) => {
        heard.push(type === frameTypes.eof ? 'end' : text(payload));
        if (type !== frameTypes.eof) return;
        stream.send(frameTypes.data, Buffer.from('ready'));
        stream.send(frameTypes.eof, nothing);
        stream.end();
      };
    });
    const world = { dial: () => dial, stdin: Readable.from([Buffer.from('status\r')]) };
    const ended = await caller(folder.path)(['edge-1', 'serial', 'ttyUSB0'], {}, world);
    expect(ended).toMatchObject({ exitCode: 0, out: 'ready', error: '' });
    expect(heard).toEqual(['status\r', 'end']);
  });

  it.each([
    ['ttyUSB0', 115_200, 'serial:/dev/ttyUSB0'],
    ['/dev/ttyUSB0', 115_200, 'serial:/dev/ttyUSB0'],
    ['ttyS1', 9_600, 'serial:/dev/ttyS1:9600'],
    ['serial/by-id', 9_600, 'serial:/dev/serial/by-id:9600'],
  ])('%s at %s', (port, baud, expected) => expect(serialTarget(port, baud)).toBe(expected));

  it.each([
    ['/dev/../etc/passwd', 9_600],
    ['../x', 9_600],
    ['/etc/passwd', 9_600],
    ['tty USB', 9_600],
    ['tty:9600', 9_600],
    ['', 9_600],
    ['ttyS1', 0.5],
    ['ttyS1', 0],
  ])('%s at %s is refused', (port, baud) => expect(() => serialTarget(port, baud)).toThrow());
});
