import { createHmac } from 'node:crypto';

/** Standard Webhooks 1.0: what a receiver needs to know that a message is ours, whole and recent. */
export interface WebhookHeaders {
  readonly 'webhook-id': string;
  /** Unix seconds of this try. */
  readonly 'webhook-timestamp': string;
  /** `v1,<base64>`, one for each secret that is valid now, divided by blanks. */
  readonly 'webhook-signature': string;
}

export const secretPrefix = 'whsec_';
export const secretBytes = 32;

const mac = (secret: string, id: string, timestamp: string, body: string): string =>
  createHmac('sha256', Buffer.from(secret.slice(secretPrefix.length), 'base64'))
    .update(`${id}.${timestamp}.${body}`)
    .digest('base64');

/** @param secrets `whsec_` and base64; the newest first, and one that is being replaced */
export function signWebhook(secrets: readonly string[], id: string, body: string, nowMs: number): WebhookHeaders {
  const timestamp = String(Math.floor(nowMs / 1_000));
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => `v1,${mac(secret, id, timestamp, body)}`).join(' '),
  };
}
