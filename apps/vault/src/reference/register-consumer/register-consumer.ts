import type { ConsumerRegistered } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Consumer } from '../consumer.js';

/** The same references again change nothing. */
export const registerConsumer =
  (registered: ConsumerRegistered) =>
  (consumer: Consumer): readonly NewEvent[] => {
    const isSame = consumer.status === 'registered' && textOf(consumer.references) === textOf(registered.references);
    return isSame ? [] : [{ type: 'consumer.registered', version: 1, data: registered }];
  };

const textOf = (references: ConsumerRegistered['references']): string =>
  references
    .map(({ secret }) => secret)
    .sort()
    .join();
