import type { TLSSocket } from 'node:tls';

/** What arrives is lent to its reader from here: one for the process, because each read is over before the next one begins. */
const shared = Buffer.allocUnsafeSlow(65_536);

type Lender = TLSSocket & {
  readonly _handle?: { useUserBuffer?: (buffer: Buffer) => void } | null;
  [name: symbol]: unknown;
};

/**
 * Calls `onData` with whatever arrives; the memory is the callee's only during the call.
 *
 * By default Node makes new memory for each record of TLS, and a relay that carries much then spends as much time on collecting it as
 * on its work. Sockets that dial can be told to read into memory of ours (`onread`), those that a server accepted can't: Node has the
 * switch, and passes it on for the former alone. So it is set from here for both. Where it is not found, Node's own way is used.
 */
export function receiveOn(socket: TLSSocket, onData: (chunk: Buffer) => void): void {
  const lender = socket as Lender;
  const symbols = Object.getOwnPropertySymbols(socket);
  const [buffer, callback] = ['kBuffer', 'kBufferCb'].map((name) => symbols.find((each) => each.description === name));
  if (!buffer || !callback || typeof lender._handle?.useUserBuffer !== 'function') {
    socket.on('data', onData);
    return;
  }
  lender._handle.useUserBuffer(shared);
  lender[buffer] = shared;
  lender[callback] = (length: number) => {
    onData(shared.subarray(0, length));
    return true;
  };
  // What came together with the handshake.
  const early: Buffer | null = socket.read();
  if (early) process.nextTick(onData, early);
  socket.resume();
}
