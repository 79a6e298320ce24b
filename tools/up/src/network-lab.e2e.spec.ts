import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { labProblem, type NetworkLab, type Place, startNetworkLab } from './network-lab.fixture.js';

const problem = labProblem();
// Without root there are no namespaces: then all there is to see is that this is the reason.
const inLab = (name: string, specs: () => void) =>
  problem === undefined
    ? describe(name, specs)
    : it(`${name}: ${problem}`, () => expect(problem).toMatch(/^(only root|no network namespaces)/));

const port = 18_444;

inLab('the network lab', () => {
  let lab: NetworkLab;
  beforeAll(() => {
    lab = startNetworkLab();
  });
  afterAll(() => lab?.stop());

  /** Runs a program of a few lines there, and gives what it printed. */
  async function node(place: Place, program: string): Promise<string> {
    const child = lab.spawn(place, process.execPath, ['-e', program]);
    let out = '';
    child.stdout?.on('data', (chunk) => (out += chunk));
    await once(child, 'close');
    return out.trim();
  }
  const ask = (kind: 'udp' | 'tcp') =>
    kind === 'tcp'
      ? `const s = require('net').connect(${port}, '${lab.gate}'); s.setTimeout(1500, () => { console.log('silence'); s.destroy(); });
         s.on('error', (e) => console.log(e.code)); s.on('data', (d) => { console.log('' + d); s.end(); });`
      : `const s = require('dgram').createSocket('udp4'); const t0 = Date.now(); s.send('x', ${port}, '${lab.gate}');
         s.on('message', (d) => { console.log(d + ' ' + (Date.now() - t0 >= 200 ? 'late' : 'soon')); process.exit(); }); setTimeout(() => { console.log('silence'); process.exit(); }, 1500);`;

  it('reaches this machine from everywhere, the device through its router, and the device from nowhere', async () => {
    const tcp = createServer((socket) => socket.end(`from ${socket.remoteAddress}`)).listen(port, '0.0.0.0');
    const udp = createSocket('udp4');
    udp.on('message', (_, from) => udp.send(`from ${from.address}`, from.port, from.address));
    // Bound to all, it would answer from whichever address is nearest, and the router would not know it.
    udp.bind(port, lab.gate);
    await Promise.all([once(udp, 'listening'), tcp.listening || once(tcp, 'listening')]);
    try {
      expect(await node('client', ask('tcp'))).toBe('from 10.77.1.2');
      expect(await node('device', ask('tcp'))).toBe('from 10.77.2.2');
      expect(await node('device', ask('udp'))).toBe('from 10.77.2.2 soon');
      // Somebody who knows the way to the device's network is not let in by its router.
      const inward = connect({ host: '192.168.77.2', port: 22, timeout: 1_000 });
      expect(
        await Promise.race(['connect', 'timeout', 'error'].map((what) => once(inward, what).then(() => what))),
      ).toBe('timeout');
      inward.destroy();
      lab.blockUdp(port, true);
      expect([await node('device', ask('udp')), await node('device', ask('tcp'))]).toEqual([
        'silence',
        'from 10.77.2.2',
      ]);
      lab.blockUdp(port, false);
      await lab.delayUdp(port, 110);
      expect(await node('device', ask('udp'))).toBe('from 10.77.2.2 late');
      await lab.delayUdp(port, 0);
      lab.losePackets(port, 100);
      expect(await node('device', ask('tcp'))).toBe('silence');
      lab.losePackets(port, 0);
      lab.changeDeviceAddress();
      expect(await node('device', ask('udp'))).toBe('from 10.77.2.2 soon');
      expect(lab.listening('device')).toEqual([]);
    } finally {
      tcp.close();
      udp.close();
    }
  });
});
