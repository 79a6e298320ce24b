import type { SecretIntegrityViolated } from '@gatehouse/contracts';
import { type CommandContext, type EventStore, RevisionConflict } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { counter, type Logger } from '@gatehouse/telemetry';
import { sha256 } from './secret.js';
import type { IntegrityViolation } from './stored-secret.js';

const violations = counter(
  'gatehouse_secret_integrity_violations_total',
  'Reads and writes that met rows other than the log says',
);

export interface FoundAt {
  /** As it may be recorded. */
  readonly path: string;
  readonly streamId: string;
}

/** Says that rows are not what the log says: in the log of lines each time, as an event once per finding. */
export class IntegrityReports {
  constructor(
    private readonly store: EventStore,
    private readonly logger: Logger,
  ) {}

  /** What the caller gets. The report is made first; that it fails does not make the answer better or worse. */
  async problem(
    violation: IntegrityViolation,
    { path, streamId }: FoundAt,
    context: CommandContext,
  ): Promise<ProblemError> {
    const { finding, version } = violation;
    violations.labels({ finding }).add();
    this.logger.error(
      { tenantId: context.tenantId, traceId: context.correlationId, stream: streamId, version, finding },
      'a secret is not what was written',
    );
    const data: SecretIntegrityViolated = { path, stream: streamId, version, finding };
    const id = sha256(JSON.stringify([streamId, version, finding]));
    await this.store
      .append(`finding:${id}`, [{ type: 'secret.integrity_violated', version: 1, data }], {
        expectedRevision: 0,
        context,
      })
      .catch((err: Error) => {
        if (!(err instanceof RevisionConflict)) this.logger.error({ err }, 'a finding could not be recorded');
      });
    return new ProblemError('integrity_violation', undefined, { cause: violation });
  }
}
