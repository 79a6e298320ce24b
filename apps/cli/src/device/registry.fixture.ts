import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly what: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

type Answer = unknown | ((asked: Asked) => unknown);

/** Answers by `METHOD /path` what a test says, and keeps what it was asked. A `status` member of an answer is its status. */
export class HttpAnswers {
  readonly asked: Asked[] = [];
  answers: Record<string, Answer> = {};
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const url = new URL(request.url ?? '', 'http://localhost');
      const what = `${request.method} ${url.pathname}`;
      const isForm = request.headers['content-type'] === 'application/x-www-form-urlencoded';
      const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : text === '' ? undefined : JSON.parse(text);
      const asked = { what, query: url.searchParams, body };
      this.asked.push(asked);
      const known = this.answers[what];
      const answer = (typeof known === 'function' ? known(asked) : known) as { httpStatus?: number } | undefined;
      response.statusCode = answer === undefined ? 404 : (answer.httpStatus ?? 200);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer ?? { title: 'Not found' }));
    });
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  of(what: string): Asked[] {
    return this.asked.filter((each) => each.what === what);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
