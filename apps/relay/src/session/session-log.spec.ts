import { fold } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import { sessionDecider } from './session-log.js';

const event = (type: string, data: object = {}) => ({
  id: '',
  type,
  version: 1,
  tenantId: 'acme',
  streamId: 'device-session:1',
  revision: 1,
  occurredAt: '2026-01-01T00:00:00.000Z',
  actor: { type: 'service', id: 'relay' },
  correlationId: '',
  data: data as Record<string, unknown>,
});

describe('a session as its stream tells it', () => {
  it('is at the relay it was resumed at last, and over when it ended', () => {
    const events = [
      event('device.session.started', { relayId: 'one', deviceId: 'd' }),
      event('device.session.resumed', { relayId: 'two', deviceId: 'd' }),
    ];
    expect(fold(sessionDecider, events)).toMatchObject({ status: 'live', relayId: 'two', deviceId: 'd' });
    expect(fold(sessionDecider, [...events, event('device.session.ended')])).toMatchObject({ status: 'ended' });
  });

  it('knows how much of its recording is fixed', () => {
    const chunk = event('recording.chunk_recorded');
    expect(fold(sessionDecider, [chunk, chunk])).toMatchObject({ chunks: 2, recordingOver: false });
    expect(fold(sessionDecider, [chunk, event('recording.closed')])).toMatchObject({ chunks: 1, recordingOver: true });
  });
});
