import { formatPosition } from '@gatehouse/contracts';
import { currentTrace, formatTraceparent, type TraceContext } from '@gatehouse/telemetry';
import { jetstream } from '@nats-io/jetstream';
import { errors, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { isDown } from './connect.js';
import { batchMessageId, batchSubject, type EventBatch, encodeBatch } from './event-batch.js';
import { eventStream } from './topology.js';

export const sourceHeader = 'Gatehouse-Source';
export const prevHeader = 'Gatehouse-Prev';
export const rewindsHeader = 'Gatehouse-Rewinds';

/** Headers with the trace, so that whoever gets the message goes on in it. */
export function tracedHeaders(trace: TraceContext | undefined = currentTrace()): MsgHdrs {
  const carried = headers();
  if (trace) carried.set('traceparent', formatTraceparent(trace));
  return carried;
}

/**
 * Publishes one batch and waits until the stream has stored it. A rejection means "perhaps": publish the same batch
 * again, the stream drops the copy by its id, and consumers skip what they have already applied.
 */
export function createPublisher(nc: NatsConnection, timeoutMs = 3_000): (batch: EventBatch) => Promise<void> {
  const client = jetstream(nc);
  const encoder = new TextEncoder();
  return async (batch) => {
    // The client would keep the message until its next try to connect and then drop it: waiting is for nothing.
    if (isDown(nc)) throw new errors.ConnectionError('no connection to NATS');
    const carried = tracedHeaders();
    carried.set(sourceHeader, batch.source);
    carried.set(prevHeader, formatPosition(batch.prev));
    if (batch.rewinds) carried.set(rewindsHeader, String(batch.rewinds));
    const ack = await client.publish(batchSubject(batch), encoder.encode(encodeBatch(batch)), {
      msgID: batchMessageId(batch),
      headers: carried,
      timeout: timeoutMs,
    });
    if (ack.stream !== eventStream.name) throw new Error(`stored in ${ack.stream}, not in ${eventStream.name}`);
  };
}
