import { describe, expect, it } from '@jest/globals';
import { checkedName, joinRemote, parsePlace } from './file-path.js';

const remote = (device: string, path: string) => ({ kind: 'remote', device, path });
const local = (path: string) => ({ kind: 'local', path });

describe('a place', () => {
  it.each([
    ['edge-1:', remote('edge-1', '.')],
    ['edge-1:~', remote('edge-1', '.')],
    ['edge-1:~/', remote('edge-1', '.')],
    ['edge-1:logs/', remote('edge-1', 'logs')],
    ['edge-1:~/logs/a.txt', remote('edge-1', 'logs/a.txt')],
    ['edge-1:/etc/hosts', remote('edge-1', '/etc/hosts')],
    ['edge-1:/', remote('edge-1', '/')],
    ['edge-1:a/./b//c', remote('edge-1', 'a/b/c')],
    ['edge-1:a/../b', remote('edge-1', 'b')],
    ['edge-1:a:b', remote('edge-1', 'a:b')],
    ['edge-1:/a/../../etc', remote('edge-1', '/etc')],
    ['file.txt', local('file.txt')],
    ['./a:b', local('./a:b')],
    ['/a:b', local('/a:b')],
    ['dir/a:b', local('dir/a:b')],
    ['..', local('..')],
  ])('%s', (text, expected) => expect(parsePlace(text)).toEqual(expected));

  it.each(['', ':x', 'edge:..', 'edge:../x', 'edge:a/../../x', 'edge:~root/x', 'edge:a\0b'])('%j is refused', (text) =>
    expect(() => parsePlace(text)).toThrow(),
  );

  it('names are joined, and none leads elsewhere', () => {
    expect(joinRemote('.', 'a')).toBe('a');
    expect(joinRemote('/var', 'a')).toBe('/var/a');
    expect(checkedName('..a b')).toBe('..a b');
    for (const name of ['', '.', '..', '../x', 'a/b', '/etc', 'a\0']) expect(() => checkedName(name)).toThrow();
  });
});
