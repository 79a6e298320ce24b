import { BlockList, isIP } from 'node:net';
import { ProblemError } from '@gatehouse/http';
import type { FastifyInstance } from 'fastify';

/**
 * The gateway's port is the public one, so its own `/metrics` is for listed networks only; for others it is not there.
 *
 * @throws Error for a network that is not in CIDR form
 */
export function hideMetrics(instance: FastifyInstance, networks: readonly string[]): void {
  const allowed = new BlockList();
  for (const network of networks) addNetwork(allowed, network);
  instance.addHook('onRequest', (request, _reply, done) => {
    if (request.routeOptions.url !== '/metrics' || isAllowed(allowed, request.ip)) done();
    else done(new ProblemError('not_found'));
  });
}

function addNetwork(list: BlockList, network: string): void {
  const [address = '', prefix] = network.split('/');
  const family = isIP(address);
  const bits = Number(prefix ?? (family === 4 ? 32 : 128));
  if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) {
    throw new Error(`METRICS_NETWORKS: "${network}" is not a network such as 10.0.0.0/8`);
  }
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
}

/** An IPv4 address on a socket of both families is checked as what it is: the list knows mapped addresses. */
function isAllowed(list: BlockList, ip: string): boolean {
  return list.check(ip, isIP(ip) === 4 ? 'ipv4' : 'ipv6');
}
