import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { loadConfig } from '@gatehouse/config';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { createLogger } from '@gatehouse/telemetry';
import { tempDir } from '@gatehouse/testing';
import { type RunningGateway, startGateway } from '../src/app.module.js';
import type { GatewayRoute } from '../src/routes.js';
import { gatewaySettings } from '../src/settings.js';

/** A stand-in for one service: answers as the spec says, and remembers what it was asked. */
export interface Service {
  readonly url: string;
  readonly server: Server;
  readonly asked: Asked[];
  /** What it answers from now on. */
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  close(): Promise<void>;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export async function startService(port = 0): Promise<Service> {
  const asked: Asked[] = [];
  const service: { answer: Service['answer'] } = {
    answer: (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end('{"from":"service"}');
    },
  };
  const server = createServer({ keepAliveTimeout: 72_000 }, async (incoming, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks).toString();
    const { method = '', url = '', headers, rawHeaders } = incoming;
    asked.push({ method, url, headers, rawHeaders, body });
    service.answer(incoming, response, body);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return Object.assign(service, { url, server, asked, close });
}

export interface TestGateway {
  readonly gateway: RunningGateway;
  readonly origin: string;
  readonly port: number;
  readonly ca: Buffer;
  /** Folder of the authority's and the server's certificate. */
  readonly tls: string;
  readonly lines: string[];
  ask(path: string, options?: AskOptions): Promise<Answer>;
  stop(): Promise<void>;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  json<T = Record<string, unknown>>(): T;
}

export interface TestGatewayOptions {
  /** Services that are not named answer where audit does. */
  readonly upstreams: Readonly<Record<'identity' | 'policy' | 'vault' | 'audit', string>> & {
    readonly registry?: string;
    readonly relay?: string;
  };
  readonly routes?: readonly GatewayRoute[];
  readonly env?: Readonly<Record<string, string>>;
}

export async function startTestGateway({ upstreams, routes, env }: TestGatewayOptions): Promise<TestGateway> {
  const folder = tempDir('gateway');
  const authority = await createLocalAuthority(folder.path);
  const lines: string[] = [];
  const settings = loadConfig(gatewaySettings, {
    SERVICE_PORT: '0',
    TLS_CERT_FILE: authority.certFile,
    TLS_KEY_FILE: authority.keyFile,
    CA_FILE: authority.caFile,
    UPSTREAM_IDENTITY: upstreams.identity,
    UPSTREAM_POLICY: upstreams.policy,
    UPSTREAM_VAULT: upstreams.vault,
    UPSTREAM_REGISTRY: upstreams.registry ?? upstreams.audit,
    UPSTREAM_RELAY: upstreams.relay ?? upstreams.audit,
    UPSTREAM_AUDIT: upstreams.audit,
    ...env,
  });
  const logger = createLogger({
    service: 'gateway',
    level: 'debug',
    destination: { write: (line) => lines.push(line) },
  });
  const gateway = await startGateway(settings, { logger, certificateIntervalMs: 50, ...(routes && { routes }) });
  const ca = readFileSync(authority.caFile);
  const { port } = gateway;
  const stop = async () => {
    await gateway.stop();
    folder.remove();
  };
  const origin = `https://localhost:${port}`;
  return {
    gateway,
    origin,
    port,
    ca,
    tls: folder.path,
    lines,
    ask: (path, options) => ask(port, ca, path, options),
    stop,
  };
}

const hasFraming = ({ headers }: AskOptions) => headers !== undefined && 'transfer-encoding' in headers;

function ask(port: number, ca: Buffer, path: string, { body, ...options }: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // Said, because Node frames no body of a DELETE by itself.
    const length = body !== undefined && !hasFraming(options) ? { 'content-length': Buffer.byteLength(body) } : {};
    const headers = { ...length, ...options.headers };
    const out = request({ host: 'localhost', port, path, ca, agent: false, ...options, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, text, json: () => JSON.parse(text) });
      });
    });
    out.on('error', reject);
    out.end(body);
  });
}

/** Writes bytes as they are and gives everything that comes back until the connection ends. */
export function sendRaw({ port, ca }: Pick<TestGateway, 'port' | 'ca'>, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ host: 'localhost', port, ca, servername: 'localhost' }, () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('end', () => resolve(text)).on('error', reject);
    socket.setTimeout(10_000, () => socket.destroy(new Error(`the connection stays open after: ${text}`)));
  });
}
