import { connect } from 'node:net';
import { createLogger } from '@gatehouse/telemetry';
import { Module, type Provider, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AUTHENTICATE, AUTHORIZE, type Authenticate, type Authorize } from './access.js';
import { type AppOptions, createApp } from './create-app.js';
import { type ProblemDocument, ProblemError } from './problem.js';

/** A running application of the specs, on a real port. */
export interface TestApp {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly port: number;
  /** Every log line so far, from level trace up. */
  readonly lines: string[];
  close(): Promise<void>;
}

export interface TestAppOptions extends Partial<AppOptions> {
  readonly controllers?: Type<unknown>[];
  readonly providers?: Provider[];
  readonly authenticate?: Authenticate;
  readonly authorize?: Authorize;
}

/** Knows one caller, by the header `authorization: Bearer alice`. */
export const knowsAlice: Authenticate = (request) => {
  if (request.headers.authorization !== 'Bearer alice') throw new ProblemError('unauthenticated');
  return { type: 'user', id: 'alice', tenantId: 'tenant-1' };
};

export const AS_ALICE = { authorization: 'Bearer alice' };

export async function startTestApp(options: TestAppOptions): Promise<TestApp> {
  const { controllers = [], providers = [], authenticate = knowsAlice, authorize, ...appOptions } = options;
  const access: Provider[] = [
    { provide: AUTHENTICATE, useValue: authenticate },
    { provide: AUTHORIZE, useValue: authorize ?? (() => ({ allowed: true })) },
  ];
  class TestModule {}
  Module({ controllers, providers: [...access, ...providers] })(TestModule);
  const lines: string[] = [];
  const logger = createLogger({ service: 'test', level: 'trace', destination: { write: (line) => lines.push(line) } });
  const app = await createApp(TestModule, { service: 'test', logger, ...appOptions });
  await app.listen(0, '127.0.0.1');
  const url = (await app.getUrl()).replace('localhost', '127.0.0.1');
  return { app, url, port: Number(new URL(url).port), lines, close: () => app.close() };
}

/** Reads a problem answer and checks what every one of them must have. */
export async function readProblem(response: Response): Promise<ProblemDocument> {
  const type = response.headers.get('content-type');
  if (type !== 'application/problem+json') throw new Error(`content type is ${type}, status ${response.status}`);
  const document = (await response.json()) as ProblemDocument;
  if (document.status !== response.status)
    throw new Error(`status ${response.status} with document ${document.status}`);
  if (document.type !== `urn:gatehouse:problem:${document.code}`) throw new Error(`type is ${document.type}`);
  return document;
}

/** Sends bytes as they are and gives back everything the server answers until it closes the connection. */
export async function sendRaw(port: number, text: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

/** A promise to settle from outside, for handlers that must wait until the spec says so. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Waits for a condition by looking again after each turn of the event loop, up to five seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('the condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
