import { createSocket, type Socket } from 'node:dgram';

/** Holds every datagram back for a while, both ways: `slow-path PORT HOST PORT MS LOSS`, and loses LOSS of a hundred. Runs in the router of a network lab. */
const [listen, host, port, ms, loss] = process.argv.slice(2);
const flows = new Map<string, Socket>();
const later = (work: () => void) => {
  if (Math.random() * 100 >= Number(loss)) setTimeout(work, Number(ms));
};

const front = createSocket('udp4');
front.on('message', (datagram, { address, port: from }) => {
  const name = `${address}:${from}`;
  let flow = flows.get(name);
  if (!flow) {
    flow = createSocket('udp4');
    flow.on('message', (answer) => later(() => front.send(answer, from, address)));
    flows.set(name, flow);
  }
  const onward = flow;
  later(() => onward.send(datagram, Number(port), host));
});
front.bind(Number(listen), '0.0.0.0', () => {
  front.setRecvBufferSize(4_000_000);
  front.setSendBufferSize(4_000_000);
  process.stdout.write('listening\n');
});
