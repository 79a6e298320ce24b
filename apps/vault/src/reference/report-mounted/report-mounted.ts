import type { ConsumerMounted } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type { Consumer } from '../consumer.js';

/** What is mounted already is no news. @throws ProblemError `not_found`, `validation_failed` for what is not referenced */
export const reportMounted =
  (report: ConsumerMounted) =>
  (consumer: Consumer): readonly NewEvent[] => {
    if (consumer.status === 'absent') throw new ProblemError('not_found', 'There is no such consumer');
    const known = new Set(consumer.references.map(({ secret }) => secret));
    const strange = report.secrets.findIndex(({ secret }) => !known.has(secret));
    if (strange >= 0) {
      const errors = [{ path: `secrets.${strange}`, message: 'is not referenced by this consumer' }];
      throw new ProblemError('validation_failed', undefined, { errors });
    }
    const secrets = report.secrets.filter(({ secret, version }) => consumer.mounted[secret] !== version);
    return secrets.length === 0 ? [] : [{ type: 'consumer.mounted', version: 1, data: { ...report, secrets } }];
  };
