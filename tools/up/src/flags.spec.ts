import { describe, expect, it } from '@jest/globals';
import { parseFlags } from './flags.js';

const parse = (...argv: string[]) => parseFlags(argv, () => undefined);

describe('parseFlags', () => {
  it('has a default for everything', async () => {
    expect(await parse()).toEqual({
      data: `${process.cwd()}/.gatehouse`,
      reset: false,
      yes: false,
      services: ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'],
      host: 'localhost',
      port: 8443,
      relayPort: 8444,
      portBase: 7100,
      json: false,
    });
  });

  it('takes services in the order of the table, without doubles', async () => {
    expect((await parse('--services', 'policy, identity,policy'))?.services).toEqual(['identity', 'policy']);
  });

  it.each([
    [
      ['--services', 'console'],
      /unknown service, "console"; there are identity, policy, vault, registry, relay, audit/,
    ],
    [['--services', ''], /names no service; there are/],
    [['--services', 'gateway'], /unknown service/],
    [['--host', 'https://gate'], /--host must be a name/],
    [['--host', 'a b'], /--host must be a name/],
    [['--host=-x'], /--host must be a name/],
    [['--port', '70000'], /--port must be a port/],
    [['--port', 'https'], /--port must be a port/],
    [['--port-base', '65530'], /--port-base must be a port from 1 to 65505/],
    [['--prot', '1'], /prot.*--help/s],
  ])('refuses %j', async (argv, message) => {
    await expect(parse(...argv)).rejects.toMatchObject({ message: expect.stringMatching(message), exitCode: 2 });
  });

  it('shows help and starts nothing', async () => {
    let shown = '';
    const flags = await parseFlags(['--help'], (text) => {
      shown += text;
    });
    expect(flags).toBeUndefined();
    for (const flag of ['--data', '--reset', '--yes', '--services', '--port', '--port-base', '--json']) {
      expect(shown).toContain(flag);
    }
  });
});
