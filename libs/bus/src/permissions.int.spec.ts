import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { batchOf, securedBus, type TestBus } from './bus.fixture.js';
import { Consumption } from './consume.js';
import { ensureTopology } from './ensure-topology.js';
import type { ReceivedBatch } from './event-batch.js';
import { permissionsOf } from './permissions.js';
import { createPublisher } from './publish.js';
import { call, type RpcContract, serve } from './rpc.js';
import { durableConsumers, eventStream, type ServiceName, services } from './topology.js';

let bus: TestBus;
const ncs = {} as Record<ServiceName | 'setup', NatsConnection>;
beforeAll(async () => {
  bus = await securedBus();
  ncs.setup = await bus.connect('setup');
  await ensureTopology(ncs.setup);
  for (const service of services) {
    ncs[service] = await bus.connect(service);
    void collectRefusals(ncs[service]);
  }
});
afterAll(() => bus.close());

/** Subjects that the server refused: it says so on the connection, not as an answer. */
const refusals = new WeakMap<NatsConnection, string[]>();
async function collectRefusals(nc: NatsConnection): Promise<void> {
  const subjects: string[] = [];
  refusals.set(nc, subjects);
  for await (const status of nc.status())
    if (status.type === 'error' && 'subject' in status.error) subjects.push(String(status.error.subject));
}

async function refusedSubject(nc: NatsConnection, act: () => void): Promise<string | undefined> {
  refusals.get(nc)?.splice(0);
  act();
  await nc.flush(); // the refusal comes before the answer to this
  await new Promise((resolve) => setImmediate(resolve));
  return refusals.get(nc)?.join();
}

async function subscribed(nc: NatsConnection, subject: string): Promise<'refused' | 'allowed'> {
  let refused = false;
  const subscription = nc.subscribe(subject, {
    callback: (error) => {
      refused ||= error !== null;
    },
  });
  await nc.flush();
  await new Promise((resolve) => setImmediate(resolve));
  subscription.unsubscribe();
  return refused ? 'refused' : 'allowed';
}

describe('a service', () => {
  it('publishes its events, reads its durables and gets them in full', async () => {
    const received: ReceivedBatch[] = [];
    const consumption = new Consumption(ncs.audit, {
      durable: 'audit_ledger',
      handle: async (batches) => {
        received.push(...batches);
        return batches.map(() => true);
      },
    }).start();
    for (const service of services) await createPublisher(ncs[service])(batchOf(service));
    await waitFor(() => received.length === services.length, { message: 'events of all services' });
    expect(received.map((batch) => batch.source)).toEqual([...services]);
    await consumption.stop();
    const manager = await jetstreamManager(ncs.setup);
    await waitFor(
      async () =>
        (await manager.consumers.info(eventStream.name, 'audit_ledger')).ack_floor.stream_seq === services.length,
      { message: 'the acknowledgements' },
    );
  });

  it('answers calls that the table allows', async () => {
    const decide: RpcContract<{ n: number }, { n: number }> = {
      ...{ service: 'policy', method: 'decide' },
      ...{ request: z.object({ n: z.number() }), response: z.object({ n: z.number() }) },
    };
    const subscription = serve(ncs.policy, decide, async ({ n }) => ({ n: n + 1 }));
    await ncs.policy.flush();
    expect(await call(ncs.audit, decide, { n: 1 })).toEqual({ n: 2 });
    await expect(call(ncs.policy, decide, { n: 1 }, 300)).rejects.toMatchObject({ name: 'RpcError' });
    await subscription.drain();
  });

  it.each<[ServiceName, string]>([
    ['policy', 'ev.identity.acme.cart.a'],
    ['policy', 'ev.audit.acme.cart.a'],
    ['policy', 'ev.vault.acme.cart.a'],
    ['vault', 'ev.policy.acme.cart.a'],
    ['vault', 'rpc.policy.personal_data'],
    ['policy', 'ev.x'],
    ['identity', 'rpc.audit.anything'],
    ['identity', 'rpc.identity.rewind'],
    ['policy', '_INBOX_audit.x'],
    ['policy', '_INBOX_identity.x.y'],
    ['policy', '_INBOX.x'],
    ['policy', '$JS.API.STREAM.CREATE.MINE'],
    ['policy', '$JS.API.STREAM.INFO.EVENTS'],
    ['policy', '$JS.API.STREAM.DELETE.EVENTS'],
    ['policy', '$JS.API.STREAM.PURGE.EVENTS'],
    ['policy', '$JS.API.STREAM.UPDATE.EVENTS'],
    ['policy', '$JS.API.STREAM.MSG.GET.EVENTS'],
    ['policy', '$JS.API.STREAM.MSG.DELETE.EVENTS'],
    ['policy', '$JS.API.DIRECT.GET.EVENTS'],
    ['policy', '$JS.API.STREAM.LIST'],
    ['policy', '$JS.API.STREAM.SNAPSHOT.EVENTS'],
    ['policy', '$JS.API.CONSUMER.CREATE.EVENTS'],
    ['policy', '$JS.API.CONSUMER.CREATE.EVENTS.mine.ev.>'],
    ['policy', '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.mine'],
    ['policy', '$JS.API.CONSUMER.DELETE.EVENTS.policy_facts'],
    ['policy', '$JS.API.CONSUMER.INFO.EVENTS.audit_ledger'],
    ['policy', '$JS.API.CONSUMER.MSG.NEXT.EVENTS.audit_ledger'],
    ['policy', '$JS.API.CONSUMER.MSG.NEXT.EVENTS.>'],
    ['policy', '$JS.ACK.EVENTS.audit_ledger.1.1.1.1.0'],
    ['policy', '$SYS.REQ.SERVER.PING'],
  ])('%s may not publish to %s', async (service, subject) => {
    expect(await refusedSubject(ncs[service], () => ncs[service].publish(subject, '{}'))).toBe(subject);
  });

  it.each<[ServiceName, string]>([
    ['policy', 'ev.>'],
    ['policy', 'ev.policy.>'],
    ['policy', 'ev.identity.acme.*.*'],
    ['audit', 'ev.>'],
    ['policy', '>'],
    ['policy', '*'],
    ['policy', 'rpc.>'],
    ['policy', 'rpc.identity.rewind'],
    ['policy', '_INBOX_audit.>'],
    ['policy', '_INBOX.>'],
    ['policy', '$JS.>'],
    ['policy', '$SYS.>'],
    ['policy', '$JS.EVENT.ADVISORY.>'],
  ])('%s may not subscribe to %s', async (service, subject) => {
    expect(await subscribed(ncs[service], subject)).toBe('refused');
  });

  it('may subscribe to its own methods and inbox: the refusals above are no accident', async () => {
    expect(await subscribed(ncs.policy, 'rpc.policy.>')).toBe('allowed');
    expect(await subscribed(ncs.policy, '_INBOX_policy.x')).toBe('allowed');
    expect(await refusedSubject(ncs.policy, () => ncs.policy.publish('ev.policy.a.b.c', '{}'))).toBe('');
  });

  it('cannot read another service’s durable through the client either', async () => {
    const stranger = jetstream(await bus.connect('policy'), { timeout: 300 });
    await expect(stranger.consumers.get(eventStream.name, 'audit_ledger')).rejects.toThrow();
  });

  it('answers a request once, and may not go on writing to the one who asked', async () => {
    const answers: string[] = [];
    const subscription = ncs.policy.subscribe('rpc.policy.decide', {
      callback: (_, message) => {
        message.respond('first');
        message.respond('second');
      },
    });
    await ncs.policy.flush();
    const inbox = '_INBOX_audit.once';
    const listening = ncs.audit.subscribe(inbox, { callback: (_, message) => void answers.push(message.string()) });
    ncs.audit.publish('rpc.policy.decide', '{}', { reply: inbox });
    await waitFor(() => answers.length > 0, { message: 'an answer' });
    await ncs.policy.flush();
    await ncs.audit.flush();
    expect(answers).toEqual(['first']);
    listening.unsubscribe();
    subscription.unsubscribe();
  });
});

describe('who is not known', () => {
  it('does not get in', async () => {
    await expect(bus.connect('policy', { seedFile: undefined as never })).rejects.toThrow(/uthorization/);
  });
});

describe('permissionsOf', () => {
  it('gives nobody a wildcard over other services, JetStream or the system', () => {
    for (const service of services) {
      const { publish, subscribe } = permissionsOf(service);
      for (const subject of [...publish, ...subscribe]) {
        expect(subject).not.toMatch(/^[*>]|^(ev|rpc|\$JS|\$SYS|_INBOX)\.[*>]/);
        if (subject.startsWith('ev.')) expect(subject).toBe(`ev.${service}.>`);
      }
      const own = durableConsumers.filter((consumer) => consumer.owner === service).map(({ durable }) => durable);
      const named = publish
        .filter((subject) => subject.startsWith('$JS.'))
        .map((subject) => subject.split(`${eventStream.name}.`)[1]?.split('.')[0]);
      expect([...new Set(named)]).toEqual(own);
    }
  });
});
