import { randomInt } from 'node:crypto';
import { afterEach, describe } from '@jest/globals';
import { neighboursContract } from '../neighbours.contract.js';
import { UdpProxy } from './udp-proxy.fixture.js';

/** More than are given up: places are another matter, see `wear.ts`. */
const streams = 256;

describe('on a good path', () => neighboursContract({ kind: 'quic', streams }));

describe('on a path that loses one in twenty datagrams', () => {
  let proxy: UdpProxy | undefined;
  afterEach(() => proxy?.close());
  const before = async (port: number) => {
    proxy = await UdpProxy.to(port);
    proxy.tamper = (datagram) => (randomInt(20) === 0 ? [] : [datagram]);
    return proxy.port;
  };
  neighboursContract({ kind: 'quic', streams, before });
});
