import { connectBus, RpcError, serve } from '@gatehouse/bus';
import { type DecideRequest, decide } from '@gatehouse/contracts';
import { type HttpRequest, ProblemError } from '@gatehouse/http';
import { newTraceContext } from '@gatehouse/telemetry';
import { startTestNats, type TestNats } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';
import { createAuthorizer, toEntity } from './authorizer.js';

const principal = { type: 'service', id: 'ci', tenantId: 'main' };
const headers: Record<string, string> = {};
const request = { ip: '10.0.0.1', headers } as unknown as HttpRequest;

let nats: TestNats;
let nc: NatsConnection;
const asked: DecideRequest[] = [];
const traces: (string | undefined)[] = [];
let letGo = () => {};
const held = new Promise<void>((resolve) => {
  letGo = resolve;
});

beforeAll(async () => {
  nats = await startTestNats();
  nc = await connectBus({ servers: nats.url, user: 'test' });
  serve(nc, decide, async (question, trace) => {
    asked.push(question);
    traces.push(trace?.traceId);
    if (question.action === 'key.wait') await held;
    if (question.action === 'key.break') throw new RpcError('unavailable', 'not recorded');
    return { decision: question.action === 'key.read', id: 'decision-1', reason: 'permitted' };
  });
  await nc.flush();
});
afterAll(async () => {
  await nc.close();
  await nats.stop();
});

describe('asking policy', () => {
  const authorize = createAuthorizer({ service: 'identity', connection: () => nc });

  it('names the principal, its tenant, its address and the service that asks', async () => {
    expect(await authorize(principal, 'key.read', 'key/k-1', request)).toEqual({
      allowed: true,
      decisionId: 'decision-1',
      reason: 'permitted',
    });
    expect(asked.at(-1)).toEqual({
      tenantId: 'main',
      subject: { type: 'service', id: 'ci' },
      action: 'key.read',
      resource: { type: 'key', id: 'k-1' },
      caller: { type: 'gatehouse', id: 'identity' },
      source: { ip: '10.0.0.1' },
    });
  });

  it.each([
    ['key', { keyId: 'k-1' }, 'k-1'],
    ['token of the vault', { tokenId: 't-1' }, 't-1'],
    ['sign-in', { sessionId: 's-1' }, 's-1'],
    ['key rather than its sign-in', { keyId: 'k-1', sessionId: 's-1' }, 'k-1'],
  ])('names the credential once, to be counted and to be recorded: %s', async (_name, more, credential) => {
    await authorize({ ...principal, ...more }, 'key.read', 'key/k-1', request, { version: 3 });
    expect(asked.at(-1)).toMatchObject({ credential, noted: { version: 3, credential } });
    expect(Object.keys(asked.at(-1)?.noted ?? {})).toHaveLength(2);
  });

  it('hands on the position that the caller has seen, and refuses what is none', async () => {
    const sent = (position: string) =>
      authorize(principal, 'key.read', 'key/k-1', {
        ...request,
        headers: { 'gatehouse-position': position },
      } as unknown as HttpRequest);
    await sent('77.3');
    expect(asked.at(-1)).toMatchObject({ minPosition: '77.3' });
    for (const wrong of ['', '77', 'x.1', '1.1; drop'])
      await expect(sent(wrong)).rejects.toMatchObject({ status: 400 });
  });

  it('asks in the trace of the request, also where no trace is carried along by itself', async () => {
    const trace = newTraceContext();
    await authorize(principal, 'key.read', 'key/k-1', { ...request, trace } as unknown as HttpRequest);
    expect(traces.at(-1)).toBe(trace.traceId);
  });

  it('asks for all who come together in one message, but for those whose question may have to wait', async () => {
    const seen: string[] = [];
    const watching = nc.subscribe('rpc.policy.decide', {
      callback: (_, { headers: sent }) => {
        seen.push(sent?.get('Gatehouse-Calls') ?? '');
      },
    });
    await nc.flush();
    const positioned = { ...request, headers: { 'gatehouse-position': '77.3' } } as unknown as HttpRequest;
    const answers = await Promise.all(
      ['key.read', 'key.create', 'key.read']
        .map((action) => authorize(principal, action, 'key/k-1', request))
        .concat(authorize(principal, 'key.read', 'key/k-1', positioned)),
    );
    expect(answers.map((answer) => answer?.allowed)).toEqual([true, false, true, true]);
    expect(seen.sort()).toEqual(['', '3']);
    await watching.drain();
  });

  it('lets no tenant wait for the question of another', async () => {
    const slow = authorize({ ...principal, tenantId: 'slow' }, 'key.wait', 'key/k-1', request);
    const behind = authorize({ ...principal, tenantId: 'slow' }, 'key.read', 'key/k-1', request);
    expect(await authorize(principal, 'key.read', 'key/k-1', request)).toMatchObject({ allowed: true });
    expect(await authorize(principal, 'key.read', 'key/k-1', request)).toMatchObject({ allowed: true });
    letGo();
    expect((await Promise.all([slow, behind])).map((answer) => answer?.allowed)).toEqual([false, true]);
  });

  it("leaves a person's address out", async () => {
    await authorize({ ...principal, type: 'user' }, 'key.read', 'key/k-1', request);
    expect(asked.at(-1)).not.toHaveProperty('source');
  });

  it('refuses what policy refuses', async () => {
    expect(await authorize(principal, 'key.create', 'tenant/main', request)).toMatchObject({ allowed: false });
  });

  it('answers 503 when the decision could not be recorded, and when nobody answers', async () => {
    await expect(authorize(principal, 'key.break', 'tenant/main', request)).rejects.toMatchObject({ status: 503 });
    const lonely = createAuthorizer({
      service: 'identity',
      connection: () => {
        throw new RpcError('unavailable', 'not connected');
      },
    });
    const refusal = await Promise.resolve(lonely(principal, 'key.read', 'key/k-1', request)).catch(
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(ProblemError);
    expect(refusal).toMatchObject({ status: 503 });
  });
});

describe('resource paths', () => {
  it.each([
    ['project/app-web', { type: 'project', id: 'app-web' }],
    ['secret/prod/DATABASE_URL', { type: 'secret', id: 'prod/DATABASE_URL' }],
    ['production', { type: 'scope', id: 'production' }],
  ])('%s', (path, entity) => expect(toEntity(path)).toEqual(entity));
});
