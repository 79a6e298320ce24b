import { describe, expect, it } from '@jest/globals';
import { readBootstrapArguments, readOfferSetupArguments } from './arguments.js';

const least = ['--email', 'owner@localhost', '--out', 'first-owner.json'];

describe('arguments of bootstrap', () => {
  it('needs an address and a file', () => {
    expect(readBootstrapArguments(least, {})).toEqual({
      email: 'owner@localhost',
      tenantId: 'main',
      tenantName: 'main',
      out: 'first-owner.json',
    });
  });

  it('takes the address from the environment, where other users do not see it', () => {
    const env = { OWNER_EMAIL: 'ann@example.org' };
    expect(readBootstrapArguments(['--out', 'f'], env).email).toBe('ann@example.org');
    expect(() => readBootstrapArguments(['--out', 'f'], {})).toThrow('OWNER_EMAIL');
  });

  it('takes the names of tenant and owner', () => {
    const more = ['--tenant', 'acme', '--tenant-name', 'Acme Ltd', '--name', 'Ann'];
    expect(readBootstrapArguments([...least, ...more], {})).toMatchObject({
      tenantId: 'acme',
      tenantName: 'Acme Ltd',
      name: 'Ann',
    });
  });

  it.each([
    [['--email', 'nobody'], '--email'],
    [['--email', 'a@b@c'], '--email'],
    [['--email', 'a b@c'], '--email'],
    [['--email', `a@${'b'.repeat(190)}`], '--email'],
    [['--tenant', 'UPPER'], '--tenant'],
    [['--tenant', 'a'.repeat(64)], '--tenant'],
    [['--tenant-name', ' '], '--tenant-name'],
    [['--name', ''], '--name'],
    [['--out', ''], '--out'],
    [['--verbose'], '--verbose'],
    [['positional'], 'positional'],
  ])('refuses %j', (more, message) => {
    expect(() => readBootstrapArguments([...least, ...more], {})).toThrow(message);
  });

  it('repeats no address in a refusal', () => {
    for (const email of ['ann example.org', 'ann@@example.org'])
      expect(() => readBootstrapArguments(['--email', email, '--out', 'f'], {})).toThrow(/^(?!.*example)/);
  });
});

describe('arguments of offer-setup', () => {
  it('needs a file', () => {
    expect(readOfferSetupArguments(['--out', 'f'])).toEqual({ tenantId: 'main', out: 'f' });
    expect(() => readOfferSetupArguments([])).toThrow('--out');
  });
});
