import { METHODS, type Server } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { ClientError } from './client-error.js';

/**
 * A method of another system's protocol that Node's parser does not know, and the query parameter by which the same is
 * asked with GET: `LIST /v1/a` is `GET /v1/a?list=true`.
 */
export interface ReadVerb {
  readonly verb: string;
  readonly query: string;
  /** First part of every path it is understood at. */
  readonly under: string;
}

/** Those of Vault and OpenBao: names below a path, and names at every depth below it. */
export const vaultVerbs: readonly ReadVerb[] = [
  { verb: 'LIST', query: 'list', under: '/v1/' },
  { verb: 'SCAN', query: 'scan', under: '/v1/' },
];

/** How many letters of a verb the parser reads before it knows that this is no method of its own. */
const lettersRead = (verb: string): number =>
  Math.max(...METHODS.map((method) => [...verb].findIndex((letter, i) => letter !== method[i])));

const plainTarget = /^[\x21-\x22\x24-\x7e]+$/;

/** Sockets that were taken from their first parser, whose later complaints (it waits for a request) mean nothing. */
const taken = new WeakSet<Duplex>();

export type TakeVerb = (server: Server, error: ClientError, socket: Duplex) => boolean;

/**
 * Serves such requests where the parser gives up on them. It stands at the first letters of a request then, so its own
 * framing says where the request begins; the rest is read anew, with GET in the place of the verb, by a parser as strict as
 * the first. The answer ends the connection: nothing is read behind it.
 *
 * @returns a function for `clientError` that tells whether it has taken the connection
 */
export function readVerbs(verbs: readonly ReadVerb[]): TakeVerb {
  const known = verbs.map((verb) => ({ ...verb, letters: lettersRead(verb.verb) }));
  return (server, { code, rawPacket, bytesParsed }, socket) => {
    if (taken.has(socket)) return true;
    if (code !== 'HPE_INVALID_METHOD' || rawPacket === undefined || isAnswering(socket)) return false;
    // Only at the start of a packet: behind anything else it could be the end of another word.
    const found = known.find(
      ({ verb, under, letters }) => bytesParsed === letters && rawPacket.indexOf(`${verb} ${under}`, 0, 'latin1') === 0,
    );
    const first = found && rewritten(rawPacket, found);
    if (first === undefined) return false;
    taken.add(socket);
    server.emit(server instanceof HttpsServer ? 'secureConnection' : 'connection', new TakenSocket(socket, first));
    return true;
  };
}

/** An answer to an earlier request of this connection may be under way: nothing may be written into it. */
const isAnswering = (socket: Duplex): boolean => '_httpMessage' in socket && Boolean(socket._httpMessage);

/** The packet as one that Node reads; undefined when its first line is not whole and plain. */
function rewritten(packet: Buffer, { query }: ReadVerb): Buffer | undefined {
  const end = packet.indexOf('\r\n');
  if (end < 0) return undefined;
  const [, target, version, more] = packet.toString('latin1', 0, end).split(' ');
  if (target === undefined || version !== 'HTTP/1.1' || more !== undefined || !plainTarget.test(target))
    return undefined;
  const line = `GET ${target}${target.includes('?') ? '&' : '?'}${query}=true HTTP/1.1\r\nConnection: close`;
  return Buffer.concat([Buffer.from(line, 'latin1'), packet.subarray(end)]);
}

/** A connection whose first bytes are others than those that came. */
class TakenSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;

  constructor(
    private readonly socket: Duplex,
    first: Buffer,
  ) {
    super();
    const { remoteAddress, remotePort, localAddress, localPort, encrypted } = socket as Socket & {
      encrypted?: boolean;
    };
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.localAddress = localAddress;
    this.localPort = localPort;
    this.encrypted = encrypted === true;
    this.push(first);
    // The parser that gave up reads no more; its listener for `close` stays and frees it.
    socket.removeAllListeners('data').removeAllListeners('end');
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.once('end', () => this.push(null));
    socket.once('close', () => this.destroy());
  }

  /** As a socket of `node:net` has it: what is written goes out, then the connection ends. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy(error ?? undefined);
    done(error);
  }
}
