import { describe, expect, it } from '@jest/globals';
import { deviceOfHost, sshSection, withoutSection, withSection } from './ssh-config.js';

const section = sshSection(
  ['/usr/bin/node', '/opt/gatehouse/bin/gatehouse.mjs'],
  '/home/ann/.config/gatehouse/known_hosts',
);
const own = 'Host *\n  ForwardAgent no\n';

describe('the section of an ssh configuration', () => {
  it('leads *.gatehouse through us', () => {
    expect(section).toContain('Host *.gatehouse\n');
    expect(section).toContain('ProxyCommand /usr/bin/node /opt/gatehouse/bin/gatehouse.mjs ssh %h --transport\n');
  });

  it('is written once, and taken out without a trace', () => {
    const once = withSection(own, section);
    expect(withSection(once, section)).toBe(once);
    expect(withoutSection(once)).toBe(own);
    expect(withoutSection(own)).toBe(own);
    expect(withoutSection(`${own}${section}Host b\n`)).toBe(`${own}Host b\n`);
  });

  it('a section that was cut by hand is left alone', () => {
    const cut = `${own}# gatehouse: begin\nHost *.gatehouse\n`;
    expect(withoutSection(cut)).toBe(cut);
  });

  it('paths with blanks and quotes stay one word each', () => {
    const odd = sshSection(["/opt/my gate's/bin", '/a%b'], '/home/a b/known_hosts');
    expect(odd).toContain(`ProxyCommand '/opt/my gate'\\''s/bin' /a%%b ssh %h --transport\n`);
    expect(odd).toContain('UserKnownHostsFile "/home/a b/known_hosts"\n');
  });

  it.each([
    ['edge-1.gatehouse', 'edge-1'],
    ['edge-1.site.gatehouse', 'edge-1.site'],
    ['edge-1', 'edge-1'],
    ['.gatehouse', '.gatehouse'],
  ])('%s is %s', (host, device) => expect(deviceOfHost(host)).toBe(device));
});
