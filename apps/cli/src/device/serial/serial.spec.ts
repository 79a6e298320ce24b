import { describe, expect, it } from '@jest/globals';
import { serialTarget } from './serial.js';

describe('a serial port', () => {
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
