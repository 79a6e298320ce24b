import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Message {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: {
    readonly type: string;
    readonly data: {
      readonly alertId: string;
      readonly kind: string;
      readonly count: number;
      readonly tenantId: string;
    };
  };
}

export interface Receiver {
  readonly url: string;
  /** Messages taken, in order of arrival. */
  readonly taken: Message[];
  /** Texts of those refused. */
  readonly refused: string[];
  /** Status of the next answers. */
  status: number;
  close(): void;
}

/** A server of somebody else that takes messages: it knows of us what Standard Webhooks says, and nothing more. */
export async function startReceiver(): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { status } = receiver;
    if (status >= 300) receiver.refused.push(text);
    else
      receiver.taken.push({
        id: String(request.headers['webhook-id']),
        headers: request.headers,
        text,
        body: JSON.parse(text),
      });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    taken: [],
    refused: [],
    status: 200,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}

const toleranceSeconds = 300;

/** What a receiver checks (standard-webhooks, "Verifying"): one of the signatures, and that the message is recent. */
export function isGenuine(secret: string, { headers, text }: Pick<Message, 'headers' | 'text'>, nowMs = Date.now()) {
  const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
  if (!(Math.abs(nowMs / 1_000 - Number(timestamp)) <= toleranceSeconds)) return false;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${text}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .some((signature) => {
      const [version, given = ''] = signature.split(',');
      const bytes = Buffer.from(given, 'base64');
      return version === 'v1' && bytes.length === expected.length && timingSafeEqual(bytes, expected);
    });
}
