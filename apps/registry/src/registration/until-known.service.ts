import { call } from '@gatehouse/bus';
import { devicesKnown } from '@gatehouse/contracts';
import type { NatsConnection } from '@nats-io/transport-node';

/** The caller waits no longer than this; what is not known by then is known a moment later. */
const waitMs = 1_000;

/** Waits until decisions go by what the registry has just stored, so that the next call of the same person works. */
export class UntilKnown {
  constructor(
    private readonly bus: () => NatsConnection,
    private readonly onError: (error: Error) => void,
  ) {}

  /** `policyPosition`: sent as `Gatehouse-Position`, no replica of policy answers from before it. Absent: not known yet. */
  async wait(position: string): Promise<{ readonly policyPosition?: string }> {
    try {
      const known = await call(this.bus(), devicesKnown, { position, waitMs }, waitMs + 500);
      return known.position === undefined ? {} : { policyPosition: known.position };
    } catch (error) {
      // Stored it is, whatever policy does now.
      this.onError(error as Error);
      return {};
    }
  }
}
