import type { ConsumerForgotten } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Consumer } from '../consumer.js';

export const forgetConsumer =
  (consumer: ConsumerForgotten) =>
  ({ status }: Consumer): readonly NewEvent[] =>
    status === 'absent' ? [] : [{ type: 'consumer.forgotten', version: 1, data: consumer }];
