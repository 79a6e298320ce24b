import { describe, expect, it } from '@jest/globals';
import { parseForward, parseForwards, parseReverse } from './parse-target.js';

const shown = (text: string) =>
  parseForward(text).map(({ local, target }) => `${'path' in local ? local.path : local.port} ${target}`);

describe('a target', () => {
  it.each([
    ['8080', ['8080 tcp:127.0.0.1:8080']],
    ['8080:80', ['8080 tcp:127.0.0.1:80']],
    ['8080:db.local:5432', ['8080 tcp:db.local:5432']],
    ['8080:192.168.1.5:80', ['8080 tcp:192.168.1.5:80']],
    ['192.168.1.5:80', ['80 tcp:192.168.1.5:80']],
    ['router:8443', ['8443 tcp:router:8443']],
    ['Router:8443', ['8443 tcp:router:8443']],
    ['[fe80::1]:80', ['80 tcp:[fe80::1]:80']],
    ['8080:[2001:DB8::1]:80', ['8080 tcp:[2001:db8::1]:80']],
    ['8080:[2001:db8:0:0::0001]:80', ['8080 tcp:[2001:db8::1]:80']],
    ['53/udp', ['53 udp:127.0.0.1:53']],
    ['5353:10.0.0.1:53/udp', ['5353 udp:10.0.0.1:53']],
    ['8080:80/tcp', ['8080 tcp:127.0.0.1:80']],
    ['8000-8002', ['8000 tcp:127.0.0.1:8000', '8001 tcp:127.0.0.1:8001', '8002 tcp:127.0.0.1:8002']],
    ['8000-8001:9000-9001', ['8000 tcp:127.0.0.1:9000', '8001 tcp:127.0.0.1:9001']],
    ['8000-8001:db:9000-9001/udp', ['8000 udp:db:9000', '8001 udp:db:9001']],
    ['db:9000-9001', ['9000 tcp:db:9000', '9001 tcp:db:9001']],
    ['/run/a.sock', ['/run/a.sock unix:/run/a.sock']],
    ['/run/a.sock:/run/b.sock', ['/run/a.sock unix:/run/b.sock']],
    ['/run//a.sock:/run/b.sock', ['/run/a.sock unix:/run/b.sock']],
    ['2375:/var/run/docker.sock', ['2375 unix:/var/run/docker.sock']],
  ])('%s', (text, expected) => expect(shown(text)).toEqual(expected));

  it.each([
    ['8000-8010:9000-9005', 'different sizes: 11 and 6'],
    ['8000-8010:80', 'different sizes'],
    ['8010-8000', 'backwards'],
    ['0', 'a port that is none'],
    ['65536', 'a port that is none'],
    ['8080:80:90', 'a number where a host'],
    ['1-2000', 'more than 1024'],
    ['fe80::1:80', 'is no target'],
    ['[fe80::1%eth0]:80', 'an address that is none'],
    ['127.1:80', 'an address that is none'],
    ['[fe80::zz]:80', 'an address that is none'],
    ['8080:', 'is no target'],
    [':80', 'is no target'],
    ['', 'is no target'],
    ['vpn', 'a port that is none'],
    ['8080:-o:80', 'a host that is none'],
    ['8080:a b:80', 'a host that is none'],
    ['80/sctp', 'a port that is none'],
    ['/run/../etc/a.sock', 'a path that is none'],
    ['/a:/b:/c', 'more than two'],
    ['/a:80', 'a path that is none'],
    ['8000-8001:/run/a.sock', 'one port is meant'],
    [`/${'a'.repeat(120)}`, 'a path that is none'],
  ])('%s is refused', (text, words) => expect(() => parseForward(text)).toThrow(words));

  it('one place listens for one target', () => {
    expect(parseForwards(['53', '53/udp'])).toHaveLength(2);
    expect(() => parseForwards(['8000-8010', '8005:80'])).toThrow('8005/tcp is given twice');
  });
});

describe('a reverse target', () => {
  it.each([
    ['9000', { port: 9000, host: '127.0.0.1', localPort: 9000 }],
    ['9000:3000', { port: 9000, host: '127.0.0.1', localPort: 3000 }],
    ['9000:nas:445', { port: 9000, host: 'nas', localPort: 445 }],
    ['9000:[::1]:445', { port: 9000, host: '::1', localPort: 445 }],
  ])('%s', (text, expected) => expect(parseReverse(text)).toEqual(expected));

  it.each(['', '0.0.0.0:9000:80', '9000-9001', '9000:a:b'])('%s is refused', (text) =>
    expect(() => parseReverse(text)).toThrow(),
  );
});
